"""The stand-in provider and the references as real processes: what they stream, and that they lose nothing of it."""

import asyncio
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing

import pytest

from bench.load import Load, Tally, Target, connect, run_load
from bench.rig import CHECKOUT, Rig, StartFailed, ending, set_up, wait_until_listening

PATIENCE_SECONDS = 15.0


def ask(connection: http.client.HTTPConnection, model: str) -> str:
    body = json.dumps({"model": model, "stream": True, "messages": []})
    connection.request("POST", "/v1/chat/completions", body)
    return connection.getresponse().read().decode()


def connection_to(rig: Rig, *, is_secure: bool) -> http.client.HTTPConnection:
    if not is_secure:
        return http.client.HTTPConnection("127.0.0.1", rig.plain_port, timeout=PATIENCE_SECONDS)
    tls = ssl.create_default_context(cafile=str(rig.ca))
    return http.client.HTTPSConnection("localhost", rig.tls_port, timeout=PATIENCE_SECONDS, context=tls)


@pytest.mark.alone
@pytest.mark.parametrize("is_secure", [True, False], ids=["tls", "plain"])
def test_the_stand_in_streams_tokens_at_its_pace(rig: Rig, *, is_secure: bool) -> None:
    with closing(connection_to(rig, is_secure=is_secure)) as connection:
        for tokens in (20, 3):  # on one connection
            began = time.monotonic()
            content = ask(connection, f"100x{tokens}")
            took = time.monotonic() - began
            events = [json.loads(line[6:]) for line in content.splitlines() if line.startswith("data: {")]
            text = "".join(event["choices"][0]["delta"].get("content", "") for event in events)
            written = [int(stamp) for stamp in re.findall(r":(\d+);", text)]
            assert [int(index) for index in re.findall(r"(\d+):", text)] == list(range(tokens))
            assert written == sorted(written)
            assert took > (tokens - 0.5) / 100  # the loop counts milliseconds
            assert (tokens - 1.5) / 100 < (written[-1] - written[0]) / 1e6 < PATIENCE_SECONDS
            assert events[-1]["choices"][0]["finish_reason"] == "stop"
            assert events[-1]["usage"]["completion_tokens"] == tokens
            assert content.endswith("data: [DONE]\n\n")


def test_the_stand_in_cuts_a_reply_where_it_is_told_to(rig: Rig) -> None:
    broken = pytest.raises((http.client.IncompleteRead, ConnectionError))
    with closing(connection_to(rig, is_secure=False)) as connection, broken:
        ask(connection, "1000x10x3")


def test_the_stand_in_refuses_what_it_does_not_know(rig: Rig) -> None:
    with closing(connection_to(rig, is_secure=False)) as connection:
        connection.request("POST", "/v1/chat/completions", json.dumps({"model": "gpt-4o-mini", "stream": True}))
        assert connection.getresponse().status == 400


def test_the_relay_carries_bytes_as_they_are(rig: Rig) -> None:
    sent = os.urandom(3_000_000)
    with socket.create_server(("127.0.0.1", 0)) as server:
        echo = threading.Thread(target=_echo_once, args=(server,), daemon=True)
        echo.start()
        path = rig.new_path()
        arguments = [str(CHECKOUT / "bench/references/relay.py"), path, "127.0.0.1", str(server.getsockname()[1])]
        started = rig.spawn(arguments)
        with ending(started), _connect_when_listening(path, started) as client:
            writer = threading.Thread(target=client.sendall, args=(sent,), daemon=True)
            writer.start()
            received = bytearray()
            while len(received) < len(sent):
                came = client.recv(65536)
                assert came
                received += came
            writer.join(PATIENCE_SECONDS)
        echo.join(PATIENCE_SECONDS)
    assert received == sent


def _connect_when_listening(path: str, started: "subprocess.Popen[bytes]") -> socket.socket:
    # Not wait_until_listening: its probe would be the one that is echoed. Its path is there before it listens.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE_SECONDS)
        try:
            client.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            client.close()
            assert started.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        else:
            return client


def _echo_once(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        while came := connection.recv(65536):
            connection.sendall(came)


async def read_reply(target: Target, model: str, tokens: int) -> tuple[str, bool]:
    """Return the end of a reply, and whether exactly its tokens came."""
    connection = await connect(target, Tally())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            end = await connection.ask(target.dialect.write(model), asked_at=0)
        return end, connection.has_all(tokens)
    finally:
        connection.transport.abort()


@pytest.mark.parametrize("start", [Rig.relay, Rig.naive], ids=["relay", "naive"])
def test_the_references_carry_every_token(rig: Rig, start: Callable[[Rig], AbstractContextManager[Target]]) -> None:
    with start(rig) as target:
        for model, tokens in (("200x20", 20), ("0x3000", 3000)):
            assert asyncio.run(read_reply(target, model, tokens)) == ("done", True)


def test_the_load_sees_what_goes_wrong(rig: Rig) -> None:
    load = Load(streams=2, rate=0, tokens=5, seconds=0.2, leave_every=3)
    with rig.relay() as relay:
        tally = asyncio.run(run_load(relay, load, watched=rig.watched))
        assert tally.requests > 0
        assert not tally.errors
        assert not tally.is_saturated(None)
        assert tally.is_saturated(1e9)
    tally = asyncio.run(run_load(Target(name="gone", pid=os.getpid(), dialect=relay.dialect, path=relay.path), load))
    assert tally.requests == 0
    assert tally.errors["ConnectionRefusedError"] + tally.errors["FileNotFoundError"] > 0


def test_a_target_that_does_not_start_is_said() -> None:
    with set_up("/bin/false") as rig, pytest.raises(StartFailed, match="ended with 1"), rig.naive():
        pass


def test_a_target_that_does_not_listen_is_not_waited_for(rig: Rig) -> None:
    started = rig.spawn(["-c", "raise SystemExit(3)"])
    with ending(started), pytest.raises(StartFailed, match="ended with 3"):
        wait_until_listening(rig.new_path(), started)
