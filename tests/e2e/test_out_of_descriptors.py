"""Far more connections than descriptors: each is served or told that there is no room."""

import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from protocol.messages import Done, Error, Ping
from tests.e2e.client import Client, plain_text, stream, text_of
from tests.e2e.conftest import BACKENDS, Launch, serve_command, usual_settings
from tests.e2e.program import wait_until

DESCRIPTORS = 64
CONNECTIONS = 300


@pytest.mark.parametrize("transport", ["unix", "tcp"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_nobody_is_lost(launch: Launch, tmp_path: Path, backend: str, transport: str) -> None:
    shell = ("sh", "-c", f'ulimit -n {DESCRIPTORS}; exec "$@"', "sh")
    program = launch(*shell, *serve_command(backend), settings=usual_settings(tmp_path))
    path, port = program.socket_path, program.tcp_port
    with Client.unix(path) as bystander:
        expected = plain_text(bystander, tokens=20)
        bystander.send(stream("b", tokens=20))
        with ExitStack() as stack:
            clients = [
                stack.enter_context(Client.unix(path) if transport == "unix" else Client.tcp(port))
                for _ in range(CONNECTIONS)
            ]
            answers = [ask_for_room(client) for client in clients]
            served = [answer for answer in answers if isinstance(answer, Done)]
            told = [answer for answer in answers if isinstance(answer, Error)]
            assert {answer.code for answer in told} == {"overloaded"}
            assert len(served) > DESCRIPTORS / 2
            assert len(served) + len(told) == CONNECTIONS

            used = cpu_seconds(program.process.pid)
            began = time.monotonic()
            assert text_of(bystander.receive_end()) == expected  # while there is still no descriptor
            assert cpu_seconds(program.process.pid) - used < 0.5 * (time.monotonic() - began) + 0.1
        # Afterwards all descriptors are free again.
        wait_until(lambda: count_served(path) == DESCRIPTORS // 2)
    program.close()
    assert 1 <= program.said.count("accept fails, refusing connections: Too many open files") <= 2  # each listener once


def test_nobody_who_speaks_http_is_lost(launch: Launch, tmp_path: Path) -> None:
    shell = ("sh", "-c", f'ulimit -n {DESCRIPTORS}; exec "$@"', "sh")
    program = launch(*shell, *serve_command("uvloop"), settings=usual_settings(tmp_path))
    path = program.socket_path
    with ExitStack() as stack:
        statuses = Counter(ask_by_http(stack.enter_context(Client.unix(path))) for _ in range(CONNECTIONS))
    assert statuses.keys() == {200, 503}
    assert statuses[200] > DESCRIPTORS / 2
    program.close()


def ask_by_http(client: Client) -> int:
    with suppress(BrokenPipeError, ConnectionResetError):  # it has been told already, in frames
        client.socket.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    came = client.socket.recv(4096)
    return int(came.split()[1]) if came.startswith(b"HTTP/1.1 ") else 503


def ask_for_room(client: Client) -> Done | Error:
    with suppress(BrokenPipeError, ConnectionResetError):  # it has been told already
        client.send(Ping(id="1"))
    answer = client.receive()
    assert isinstance(answer, Done | Error)
    return answer


def count_served(path: Path) -> int:
    """Return how many of half as many clients as there are descriptors have room at the same time."""
    with ExitStack() as stack:
        clients = [stack.enter_context(Client.unix(path)) for _ in range(DESCRIPTORS // 2)]
        return sum(isinstance(ask_for_room(client), Done) for client in clients)


def cpu_seconds(pid: int) -> float:
    """Return how long the process has been busy so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
