"""HTTP over real sockets: bad clients on every event loop, curl that is stopped, a restart."""

import re
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.e2e.conftest import Serve
from tests.e2e.program import PATIENCE_SECONDS, Program
from tests.e2e.scripts import KEY, openai_at
from tests.moments import quickest
from tests.protocol.vectors import BadHttp, GoodHttp, expand, load
from tests.providers.scripted import Asked, chunk, event, good, running, status, stream

JSON = b"Content-Type: application/json\r\n"
CHAT = b'{"content":"Hi"}'
GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


def connect(where: Path | int) -> socket.socket:
    if isinstance(where, int):
        return socket.create_connection(("127.0.0.1", where), PATIENCE_SECONDS)
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(PATIENCE_SECONDS)
    sock.connect(str(where))
    return sock


def post(path: bytes, body: bytes, *, fields: bytes = b"") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body)
    return b"POST %s HTTP/1.1\r\nHost: localhost\r\n%s%s%s\r\n%s" % (path, JSON, length, fields, body)


def receive_rest(client: socket.socket) -> bytes:
    """Return what comes until the server closes."""
    came = b""
    with suppress(ConnectionResetError):
        while part := client.recv(65536):
            came += part
    return came


def receive_until(client: socket.socket, word: bytes) -> bytes:
    came = b""
    while word not in came:
        part = client.recv(65536)
        assert part, came
        came += part
    return came


def last_status(came: bytes) -> int:
    return int(re.findall(rb"^HTTP/1\.1 (\d+) ", came, re.MULTILINE)[-1])


@pytest.fixture
def server_that_stays(server_on_each: Program) -> Iterator[Program]:
    """While a test runs, a stream of somebody else comes; afterwards, who comes new is served."""
    path = server_on_each.socket_path
    with connect(path) as bystander:
        body = b'{"content":"Hi","stream":true,"max_tokens":20}'
        bystander.sendall(post(b"/chat", body, fields=b"Connection: close\r\n"))
        yield server_on_each
        assert receive_rest(bystander).count(b"event: delta\n") == 20
    with connect(path) as canary:
        canary.sendall(GET)
        assert receive_until(canary, b"ok\n").startswith(b"HTTP/1.1 200 OK\r\n")
    assert server_on_each.process.poll() is None


def test_every_bad_request_is_refused_and_its_connection_closed(server_that_stays: Program) -> None:
    path = server_that_stays.socket_path
    for vector in load("http/bad.json", BadHttp):
        with connect(path) as client:
            with suppress(BrokenPipeError, ConnectionResetError):
                client.sendall(expand(vector.bytes))
            assert last_status(receive_rest(client)) == vector.status, vector.name


def test_every_good_request_is_answered(server_that_stays: Program) -> None:
    path = server_that_stays.socket_path
    for vector in load("http/good.json", GoodHttp):
        with connect(path) as client:
            sent = expand(vector.bytes)
            client.sendall(sent)
            came = b""
            while came.count(b"HTTP/1.1 ") - came.count(b"HTTP/1.1 100 ") < len(vector.asked):
                came += client.recv(65536)
            # Good as it is, HTTP/1.0 comes by the Unix socket only where a proxy speaks it.
            refused = re.search(rb"^HTTP/1\.1 (4(?!00 Bad)|5)", came, re.MULTILINE)
            assert bool(refused) == (b" HTTP/1.0\r\n" in sent), (vector.name, came)


@pytest.mark.parametrize("begun", [b"", post(b"/chat", b" " * 300)[:-300]], ids=["head", "body"])
def test_a_slow_request_is_told_that_it_took_too_long(begun: bytes, server_that_stays: Program) -> None:
    with connect(server_that_stays.socket_path) as client:
        client.sendall(begun)
        began = time.monotonic()
        for byte in b" " * 299 if begun else GET:
            client.sendall(bytes([byte]))
            if select.select([client], [], [], 0.02)[0]:
                break
        assert receive_rest(client).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert 0.2 < time.monotonic() - began < 5


def _one_token_and_silence(asked: Asked) -> None:
    asked.head()
    asked.chunk(event(chunk("A")))
    asked.hold()


@pytest.mark.parametrize("body", ['{"content":"Hi"}', '{"content":"Hi","stream":true}'])
def test_a_curl_that_is_stopped_closes_the_providers_connection_within_100_ms(serve: Serve, body: str) -> None:
    with running(_one_token_and_silence) as provider:
        program = serve(**openai_at(provider))
        command = ["curl", "-sN", "--unix-socket", str(program.socket_path), "http://sidecar/chat"]
        command += ["-H", "Content-Type: application/json", "-d", body]

        def stop() -> float:
            before = len(provider.asked)
            with subprocess.Popen(command, stdout=subprocess.PIPE) as curl:
                provider.wait_asked(before + 1)
                assert provider.asked[-1].waiting.wait(PATIENCE_SECONDS)
                assert curl.stdout is not None
                if "stream" in body:
                    while b"event: delta" not in curl.stdout.readline():
                        pass
                stopped = time.monotonic()
                curl.send_signal(signal.SIGKILL)
                assert provider.asked[-1].left.wait(PATIENCE_SECONDS)
                return provider.asked[-1].left_at - stopped

        assert quickest(stop, goal=0.1) < 0.1


def test_curl_sends_five_megabytes_once_it_is_told_to_go_on(serve: Serve, tmp_path: Path) -> None:
    text = tmp_path / "text.json"
    text.write_text('{"content":"%s"}' % ("A text of some length. " * 200_000))
    program = serve(SIDECAR_TCP_AUTH="on", SIDECAR_TOKEN="the-token")
    url = f"http://127.0.0.1:{program.tcp_port}/summarize"
    fields = ("-H", "Content-Type: application/json", "-H", "Expect: 100-continue")
    command = ["curl", "-sS", "-v", url, *fields, "-d", f"@{text}"]
    token = ("-H", "Authorization: Bearer the-token")
    done = subprocess.run([*command, *token], capture_output=True, text=True, check=True)
    assert "100 Continue" in done.stderr
    assert '"success":true' in done.stdout
    refused = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "100 Continue" not in refused.stderr
    assert '"code":"unauthorized"' in refused.stdout


def test_a_restart_lets_streams_end_and_says_that_it_is_not_ready(serve: Serve) -> None:
    def in_two_parts(asked: Asked) -> None:
        asked.head()
        asked.chunk(event(chunk("A")))
        assert signalled.wait(PATIENCE_SECONDS)
        asked.chunk(good("B"))
        asked.end()

    signalled = threading.Event()
    with running(in_two_parts) as provider:
        program = serve(**openai_at(provider))
        with connect(program.socket_path) as client, connect(program.socket_path) as probe:
            client.sendall(post(b"/chat", b'{"content":"Hi","stream":true}', fields=b"Connection: close\r\n"))
            receive_until(client, b"event: delta")
            probe.sendall(GET.replace(b"livez", b"readyz"))
            assert receive_until(probe, b"ready\n").startswith(b"HTTP/1.1 200 OK\r\n")
            program.signal()
            program.wait_said("draining")
            probe.sendall(GET.replace(b"livez", b"readyz"))
            assert receive_until(probe, b"not ready\n").startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            probe.sendall(post(b"/chat", CHAT))
            assert b'"code":"draining"' in receive_until(probe, b"}\n")
            signalled.set()
            rest = receive_rest(client)
            assert b"event: done" in rest
            assert rest.endswith(b"\r\n0\r\n\r\n")
        assert program.wait() == 0


def test_a_provider_that_fails_nearly_always_makes_it_not_ready(serve: Serve) -> None:
    with running(status(500)) as provider:
        program = serve(**openai_at(provider))
        path = program.socket_path
        with ExitStack() as stack:
            clients = [stack.enter_context(connect(path)) for _ in range(25)]
            for client in clients:
                client.sendall(post(b"/ai", b'{"action":"chat","content":"Hi"}'))
            for client in clients:
                assert b'"success":false' in receive_until(client, b"}\n")
        with connect(path) as probe:
            for name, word in ((b"readyz", b"not ready\n"), (b"health", b'"ready":false}\n')):
                probe.sendall(GET.replace(b"livez", name))
                assert receive_until(probe, word).startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            probe.sendall(GET)
            assert receive_until(probe, b"ok\n").startswith(b"HTTP/1.1 200 OK\r\n")


def test_what_it_says_of_itself_holds_no_secret_and_nothing_of_what_people_wrote(serve: Serve) -> None:
    with running(stream(good("A secret answer."))) as provider:
        program = serve(SIDECAR_TCP_AUTH="on", SIDECAR_TOKEN="a-token-of-the-tests", **openai_at(provider))
        with connect(program.socket_path) as client:
            client.sendall(post(b"/chat", b'{"content":"A secret question.","user_id":"secret"}'))
            assert b"A secret answer." in receive_until(client, b"}\n")
            said = b""
            for path in (b"livez", b"readyz", b"health", b"v1/models"):
                client.sendall(GET.replace(b"livez", path))
                said += receive_until(client, b"\r\n\r\n")
            client.sendall(GET.replace(b"livez HTTP/1.1\r\n", b"metrics HTTP/1.1\r\nConnection: close\r\n"))
            said += receive_rest(client)
    assert b"gen_ai_client_token_usage_sum" in said
    for secret in (KEY.encode(), b"a-token-of-the-tests", b"secret"):
        assert secret not in said


@pytest.mark.parametrize("count", [90, 101, 400])
@pytest.mark.parametrize("by_tcp", [False, True])
def test_the_provider_is_left_also_when_many_requests_were_sent_ahead(serve: Serve, count: int, by_tcp: bool) -> None:
    with running(_one_token_and_silence) as provider:
        program = serve(**openai_at(provider))
        where = program.tcp_port if by_tcp else program.socket_path
        host = b"localhost:%d" % program.tcp_port if by_tcp else b"localhost"

        def close() -> float:
            before = len(provider.asked)
            with connect(where) as client:
                client.sendall(post(b"/chat", CHAT).replace(b"localhost", host) * count)
                provider.wait_asked(before + 1)
                assert provider.asked[-1].waiting.wait(PATIENCE_SECONDS)
            closed = time.monotonic()
            assert provider.asked[-1].left.wait(PATIENCE_SECONDS)
            assert len(provider.asked) == before + 1
            return provider.asked[-1].left_at - closed

        assert quickest(close, goal=0.1) < 0.1


def test_who_asks_only_whether_it_lives_keeps_no_place_of_those_without_the_token(serve: Serve) -> None:
    program = serve(SIDECAR_TCP_AUTH="on", SIDECAR_TOKEN="t", SIDECAR_MAX_UNAUTHORIZED_CONNECTIONS="1")
    host = b"localhost:%d" % program.tcp_port
    with connect(program.tcp_port) as client:
        client.sendall(GET.replace(b"localhost", host))
        assert receive_rest(client).endswith(b"ok\n")
        # It stays connected, and is not waited for longer than it takes to be sure that it has its answer.
        deadline = time.monotonic() + PATIENCE_SECONDS
        while b"overloaded" in (came := _models(program.tcp_port, host)):
            assert time.monotonic() < deadline
        assert came.startswith(b"HTTP/1.1 200 OK\r\n")


def _models(port: int, host: bytes) -> bytes:
    with connect(port) as client:
        fields = b"Authorization: Bearer t\r\nConnection: close\r\n"
        client.sendall(b"GET /v1/models HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (host, fields))
        return receive_rest(client)
