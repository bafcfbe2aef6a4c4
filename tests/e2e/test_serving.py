"""`serve` over real sockets: both dialects on both transports, many requests at once, tokens as they come."""

import socket
import time

import pytest

from protocol.messages import Cancel, Chat, Delta, Done, Error, Ping, Resume, Start, Success
from tests.e2e.client import Client, DialectName, Message, is_end, plain_text, stream, text_of
from tests.e2e.conftest import Serve
from tests.e2e.program import Program
from tests.moments import quickest


@pytest.fixture(params=["unix", "tcp"])
def transport(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=["frames", "lines"])
def dialect(request: pytest.FixtureRequest) -> DialectName:
    name: DialectName = request.param
    return name


def connect(program: Program, transport: str = "unix", dialect: DialectName = "frames") -> Client:
    if transport == "unix":
        return Client.unix(program.socket_path, dialect)
    return Client.tcp(program.tcp_port, dialect)


def test_a_plain_request_gets_one_answer(server: Program, transport: str, dialect: DialectName) -> None:
    with connect(server, transport, dialect) as client:
        [answer] = client.ask(Chat(id="1", content="Plants make sugar from light."))

    assert isinstance(answer, Success)
    assert (answer.id, answer.model, answer.finish_reason) == ("1", "demo", "stop")
    assert "Plants make sugar from light." in answer.data


def test_a_stream_is_the_plain_text_in_pieces(server: Program, transport: str, dialect: DialectName) -> None:
    with connect(server, transport, dialect) as client:
        assert text_of(client.ask(stream("1"))) == plain_text(client)


def test_tokens_come_as_they_are_made(server: Program) -> None:
    with connect(server) as client:

        def first_token() -> float:
            began = time.monotonic()
            client.send(stream("1", tokens=41))
            assert isinstance(client.receive(), Start)
            assert isinstance(client.receive(), Delta)
            first = time.monotonic() - began
            client.receive_end()
            assert time.monotonic() - began > 0.95
            return first

        # The demo's last token comes a second after its first: none was held back, and none came too early.
        assert quickest(first_token, goal=0.5) < 0.5


def test_many_requests_of_one_connection_run_at_once(server: Program, dialect: DialectName) -> None:
    wanted = {str(number) for number in range(10)}
    with connect(server, dialect=dialect) as client:
        expected = plain_text(client)
        client.send(*map(stream, sorted(wanted)))
        messages: list[Message] = []
        while sum(map(is_end, messages)) < len(wanted):
            messages.append(client.receive())

    first_end = next(index for index, message in enumerate(messages) if is_end(message))
    assert {message.id for message in messages[:first_end] if isinstance(message, Delta)} == wanted
    for request_id in wanted:
        assert text_of([message for message in messages if message.id == request_id]) == expected


def test_a_cancel_ends_its_request_and_no_other(server: Program) -> None:
    with connect(server) as client:
        client.send(stream("1", tokens=100), stream("2"))
        while not isinstance(client.receive(), Delta):
            pass
        client.send(Cancel(id="1"))
        first = client.receive_end()[-1]
        second = client.receive_end()[-1]

    assert isinstance(first, Error)
    assert (first.id, first.code) == ("1", "cancelled")
    assert isinstance(second, Done)
    assert second.id == "2"


def test_a_detached_reply_is_read_on_by_another_connection(server: Program) -> None:
    with connect(server) as client:
        expected = plain_text(client)
        client.send(Chat(id="1", content="Hi", stream=True, detach=True, max_tokens=12))
        start, first = client.receive(), client.receive()
    assert isinstance(start, Start)
    assert isinstance(first, Delta)

    with connect(server, "tcp", "lines") as another:
        again, *rest = another.ask(Resume(id="2", reply=start.reply, after=first.seq, stream=True))
        [whole] = another.ask(Resume(id="3", reply=start.reply))

    assert isinstance(again, Start)
    deltas = [message for message in rest if isinstance(message, Delta)]
    assert deltas[0].seq == first.seq + 1
    assert first.text + "".join(delta.text for delta in deltas) == expected
    assert isinstance(whole, Success)
    assert whole.data == expected


def test_the_status_says_that_it_is_ready(server: Program, transport: str, dialect: DialectName) -> None:
    with connect(server, transport, dialect) as client:
        [status] = client.ask(Ping(id="1"))

    assert isinstance(status, Done)
    assert (status.provider, status.models, status.ready) == ("demo", ("demo",), True)


def test_lines_are_answered_after_the_end_of_input(server: Program, transport: str) -> None:
    with connect(server, transport, "lines") as client:
        expected = plain_text(client)
        client.send(stream("1"))
        client.socket.shutdown(socket.SHUT_WR)
        assert text_of(client.receive_rest()) == expected


def test_frames_end_with_the_end_of_input(server: Program, transport: str) -> None:
    with connect(server, transport) as client:
        client.send(stream("1"))
        assert isinstance(client.receive(), Start)
        client.socket.shutdown(socket.SHUT_WR)
        assert not [message for message in client.receive_rest() if is_end(message)]


def test_http_is_answered_on_every_socket(server: Program, transport: str) -> None:
    with connect(server, transport) as client:
        client.socket.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % server.tcp_port)
        client.socket.shutdown(socket.SHUT_WR)
        assert client.socket.recv(1024).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_word_of_no_dialect_is_closed_at_its_first_byte(server: Program, transport: str) -> None:
    with connect(server, transport) as client:
        client.socket.sendall(b"\x16")
        assert client.socket.recv(1024) == b""


def test_requests_without_a_provider_are_answered_not_configured(serve: Serve) -> None:
    program = serve(SIDECAR_PROVIDER="")

    program.wait_said("no provider is configured")
    with connect(program) as client:
        [refusal] = client.ask(Chat(id="1", content="Hi", stream=True))
    assert isinstance(refusal, Error)
    assert refusal.code == "not_configured"
