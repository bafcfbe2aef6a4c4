"""What clients do to themselves, they do to nobody else: on every event loop, over both transports.

While they do it, streams of others come byte for byte; afterwards, who comes new is served at once.
"""

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from protocol import codec
from protocol.framing import encode_frame
from protocol.messages import Chat, Done, Error, Ping
from tests.e2e.client import Client, Message, plain_text, stream, text_of
from tests.e2e.program import Program, wait_until

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
STREAM = encode_frame(codec.encode(stream("1", tokens=1000)))
PING = encode_frame(codec.encode(Ping(id="p" * 64)))
BYSTANDER_TOKENS = 14

Connect = Callable[[], Client]


@pytest.fixture
def transports(server_on_each: Program) -> Iterator[list[Connect]]:
    """Ways to connect; around the test streams run, and after it somebody new comes."""
    program = server_on_each
    path, port = program.socket_path, program.tcp_port
    with Client.unix(path) as one:
        expected = plain_text(one, tokens=BYSTANDER_TOKENS)
        with Client.tcp(port, "lines") as another:  # where the first byte is not waited for
            for bystander in (another, one):
                bystander.send(stream("b", tokens=BYSTANDER_TOKENS))
            yield [lambda: Client.unix(path), lambda: Client.tcp(port)]
            began = time.monotonic()
            wait_until(lambda: is_served(path))
            assert time.monotonic() - began < 5
            assert text_of(one.receive_end()) == text_of(another.receive_end()) == expected
    assert program.process.poll() is None


def is_served(path: Path) -> bool:
    """Whether there is room for somebody new; while those who were cut are let go, there may be none."""
    with Client.unix(path) as canary, suppress(BrokenPipeError, ConnectionResetError):
        return isinstance(canary.ask(Ping(id="c"))[0], Done)
    return False


def reset(client: Client) -> None:
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    client.socket.close()


def test_resets(transports: list[Connect]) -> None:
    for connect in transports:
        for sent in (b"", b"\0", b"{", b"G", STREAM, STREAM * 20):
            for _ in range(10):
                client = connect()
                with suppress(BrokenPipeError, ConnectionResetError):  # it has been told that there is no room
                    client.socket.sendall(sent)
                reset(client)


def test_resets_in_the_middle_of_streams(transports: list[Connect]) -> None:
    for connect in transports:
        clients = [connect() for _ in range(20)]
        for client in clients:
            client.socket.sendall(STREAM)
        for client in clients:
            client.socket.recv(1)  # a Unix socket is reset by what is left unread
            reset(client)


def test_silence_before_the_first_byte(transports: list[Connect]) -> None:
    _, connect = transports
    with connect() as client:
        assert client.receive_rest() == []


def test_silence_in_the_middle_of_a_message(transports: list[Connect]) -> None:
    for connect in transports:
        with connect() as client:
            client.socket.sendall(STREAM[:-1])
            [refusal] = client.receive_rest()
            assert isinstance(refusal, Error)
            assert (refusal.id, refusal.code) == (None, "bad_frame")


def test_those_that_never_read_are_cut(transports: list[Connect], server_on_each: Program) -> None:
    with ExitStack() as stack:
        for name, connect in zip(("unix", "tcp"), transports, strict=True):
            client = stack.enter_context(connect())
            with suppress(BrokenPipeError, ConnectionResetError):  # on a busy machine it is cut while it still sends
                client.socket.sendall(PING * 8000)  # the answers are more than the kernel takes, and less than a flood
            server_on_each.wait_said(rf"session cut peer={name} .*: it read nothing for 0\.3 s")


def test_those_that_ask_and_ask_and_never_read_are_cut(transports: list[Connect]) -> None:
    for connect in transports:
        with connect() as client, pytest.raises((BrokenPipeError, ConnectionResetError)):
            client.socket.sendall(PING * 1_000_000)


def test_garbage(transports: list[Connect]) -> None:
    for connect in transports:
        for first in range(256):
            with connect() as client, suppress(BrokenPipeError, ConnectionResetError):
                client.socket.sendall(bytes([first]) * 100)


def test_more_requests_than_may_wait(transports: list[Connect]) -> None:
    for connect in transports:
        with connect() as client:
            client.send(*[Chat(id=str(number), content="Hi", stream=True, max_tokens=2) for number in range(200)])
            ends: list[Message] = []
            while len(ends) < 200:
                ends.append(client.receive_end()[-1])
            refused = [end for end in ends if isinstance(end, Error)]
            assert len(refused) == 200 - 16 - 100
            assert {end.code for end in refused} == {"overloaded"}
