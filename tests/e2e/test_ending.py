"""How the program ends: by signals, with a drain; and how it starts again after it was killed."""

import os
import subprocess
import time
from pathlib import Path
from signal import SIGCONT, SIGINT, SIGKILL, SIGSTOP, SIGTERM, Signals

import pytest

from protocol.messages import Chat, Done, Error, Failure, Ping, Start
from tests.e2e.client import Client, plain_text, stream, text_of
from tests.e2e.conftest import BACKENDS, Launch, Serve, serve_command, usual_settings
from tests.e2e.program import PATIENCE_SECONDS
from tests.moments import quickest

ON_EACH = [("asyncio", SIGTERM), ("uvloop", SIGTERM), ("uvloop", SIGINT), ("trio", SIGTERM)]


@pytest.mark.alone
@pytest.mark.parametrize(("backend", "number"), ON_EACH)
def test_idle_it_ends_at_once(serve: Serve, backend: str, number: Signals) -> None:
    def end() -> float:
        program = serve(backend=backend)
        with Client.unix(program.socket_path) as client:
            client.ask(Ping(id="1"))
            status, seconds = program.end(number)
        assert status == 0
        assert not Path(program.socket_path).exists()
        return seconds

    assert quickest(end, goal=1) < 1


@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
def test_what_runs_is_finished_and_what_comes_is_refused(serve: Serve, number: Signals) -> None:
    program = serve()
    clients = [Client.unix(program.socket_path) for _ in range(5)]
    clients += [Client.tcp(program.tcp_port, "lines") for _ in range(5)]
    latecomer = Client.unix(program.socket_path)
    expected = plain_text(latecomer, tokens=75)
    for client in clients:
        client.send(stream("1", tokens=75))  # two seconds, in which all that follows must come
    starts = [client.receive() for client in clients]

    program.signal(number)
    program.wait_said("draining for at most 8 s")
    [refusal] = latecomer.ask(Chat(id="2", content="Hi", stream=True))
    assert isinstance(refusal, Error)
    assert (refusal.code, refusal.retry_after) == ("draining", 5.0)
    with Client.tcp(program.tcp_port) as stranger:
        [status] = stranger.ask(Ping(id="3"))
    assert isinstance(status, Done)
    assert status.ready is False

    for client, start in zip(clients, starts, strict=True):
        assert text_of([start, *client.receive_end()]) == expected
        client.socket.close()
    latecomer.socket.close()
    assert program.wait() == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_too_long_for_the_drain_is_told_so(serve: Serve, backend: str) -> None:
    program = serve(backend=backend, SIDECAR_DRAIN_SECONDS="0.3")
    with Client.unix(program.socket_path) as streaming, Client.tcp(program.tcp_port, "lines") as waiting:
        streaming.send(stream("1", tokens=1000))
        assert isinstance(streaming.receive(), Start)
        waiting.ask(Ping(id="1"))

        status, seconds = program.end()
        *_, end = streaming.receive_rest()

    assert status == 0
    assert seconds >= 0.3
    assert isinstance(end, Error)
    assert end.code == "draining"
    assert end.usage is not None
    assert end.usage.completion_tokens > 1


def test_a_plain_request_that_the_drain_cuts_gets_what_there_was(serve: Serve) -> None:
    program = serve(SIDECAR_DRAIN_SECONDS="0")
    with Client.unix(program.socket_path, "lines") as client:
        client.send(Chat(content="Hi", stream=True, detach=True, max_tokens=1000))
        start = client.receive()
        assert isinstance(start, Start)
        client.receive()
        client.socket.sendall(f'{{"action":"resume","id":"2","reply":"{start.reply}"}}\n'.encode())
        client.ask(Ping(id="3"))
        program.signal()
        ends = [message for message in client.receive_rest() if isinstance(message, Failure)]

    [end] = ends
    assert (end.id, end.code) == ("2", "draining")
    assert end.partial
    assert program.wait() == 0


@pytest.mark.alone
@pytest.mark.parametrize(("backend", "number"), ON_EACH)
def test_a_second_signal_ends_it_at_once(serve: Serve, backend: str, number: Signals) -> None:
    def end() -> float:
        program = serve(backend=backend)
        with Client.unix(program.socket_path) as client:
            client.send(stream("1", tokens=1000))
            assert isinstance(client.receive(), Start)
            program.signal()
            program.wait_said("draining")
            exit_status, seconds = program.end(number)
        assert exit_status == 128 + number
        return seconds

    assert quickest(end, goal=1) < 1


def test_the_end_of_who_started_it_does_not_shorten_the_drain(launch: Launch, tmp_path: Path) -> None:
    """As with `... serve &` in a shell that is closed: only stdio has a parent whom it serves."""
    shell = ("sh", "-c", '"$@" & echo $!; read line', "sh")
    settings = usual_settings(tmp_path)
    starter = launch(*shell, *serve_command(None), settings=settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pid = int(starter.stdout.readline())
    with Client.unix(starter.socket_path) as client:
        expected = plain_text(client)
        client.send(stream("1"))
        start = client.receive()
        starter.stdin.close()
        starter.process.wait(PATIENCE_SECONDS)
        os.kill(pid, SIGTERM)
        assert text_of([start, *client.receive_end()]) == expected


def test_a_killed_one_is_replaced(serve: Serve) -> None:
    killed = serve()
    with Client.unix(killed.socket_path) as client:
        client.ask(Ping(id="1"))
    assert killed.end(SIGKILL)[0] == -SIGKILL
    assert killed.socket_path.is_socket()

    program = serve()
    assert program.socket_path == killed.socket_path
    with Client.unix(program.socket_path) as client:
        assert isinstance(client.ask(Ping(id="1"))[0], Done)


def test_a_pause_of_the_whole_process_harms_no_stream(serve: Serve) -> None:
    program = serve(SIDECAR_HEARTBEAT_SECONDS="0.05", SIDECAR_STALL_SECONDS="0.1", SIDECAR_IDLE_SECONDS="0.1")
    with Client.unix(program.socket_path) as client:
        expected = plain_text(client)
        client.send(stream("1"))
        start = client.receive()
        program.signal(SIGSTOP)
        os.waitid(os.P_PID, program.process.pid, os.WSTOPPED | os.WNOWAIT)
        time.sleep(0.3)  # this is the pause, and not a wait for something
        program.signal(SIGCONT)
        assert text_of([start, *client.receive_end()]) == expected
