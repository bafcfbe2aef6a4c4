"""The client's side of the wire, against a server that says what a test wants."""

import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import anyio
import pytest

from protocol import codec
from protocol.framing import encode_frame
from protocol.messages import Answer, Delta, Done, Error, Event, Failure, Heartbeat, Ping, Start, Success
from sidecar.client import Connection, SidecarGone
from sidecar.transports.streams import SocketStream

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Connection, socket.socket]]:
    """Give a connection, and the server's end of it."""
    ours, theirs = socket.socketpair()
    stream = SocketStream(ours)
    try:
        with theirs, anyio.fail_after(5):
            yield Connection(stream), theirs
    finally:
        stream.close()


def say(server: socket.socket, *messages: Event | Answer) -> None:
    server.sendall(b"".join(encode_frame(codec.encode(message)) for message in messages))


async def read(connection: Connection, *, silence_seconds: float = 5.0) -> list[Event]:
    async with aclosing(connection.events(silence_seconds=silence_seconds)) as events:
        return [event async for event in events]


async def test_events_end_with_the_end_and_without_heartbeats() -> None:
    async with connected() as (connection, server):
        start, delta = Start(id="1", reply="r", model="m"), Delta(id="1", seq=1, text="Hi")
        say(server, start, Heartbeat(), delta, Done(id="1"), Delta(id="2", seq=1, text="other"))
        assert await read(connection) == [start, delta, Done(id="1")]


async def test_a_request_arrives_as_a_frame() -> None:
    async with connected() as (connection, server):
        await connection.send(Ping(id="1"))
        assert server.recv(100) == encode_frame(codec.encode(Ping(id="1")))


async def test_a_plain_refusal_is_the_event_error() -> None:
    async with connected() as (connection, server):
        say(server, Failure(success=False, error="Full.", code="overloaded", retry_after=1.5))
        assert await read(connection) == [Error(code="overloaded", message="Full.", retry_after=1.5)]


async def test_what_was_said_before_the_end_is_read_although_nothing_more_could_be_sent() -> None:
    async with connected() as (connection, server):
        say(server, Error(id=None, code="forbidden", message="Not you."))
        server.close()
        await connection.send(Ping(id="1"))
        assert await read(connection) == [Error(id=None, code="forbidden", message="Not you.")]


@pytest.mark.parametrize("half", [b"", b"\0\0\0\x10{"])
async def test_a_server_that_leaves_is_gone(half: bytes) -> None:
    async with connected() as (connection, server):
        server.sendall(half)
        server.close()
        with pytest.raises(SidecarGone, match="has closed the connection"):
            await read(connection)


async def test_a_broken_connection_is_gone() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, socket.create_connection(listener.getsockname()) as ours:
        theirs, _ = listener.accept()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        theirs.close()
        with pytest.raises(SidecarGone, match="is broken"), anyio.fail_after(5):
            await read(Connection(SocketStream(ours)))


@pytest.mark.parametrize(
    "bytes_said", [b"220 mail\r\n", encode_frame(b"{}"), encode_frame(b"[]"), b"\0\0\0\0", b"\0\xff\xff\xff"]
)
async def test_another_protocol_is_noticed(bytes_said: bytes) -> None:
    async with connected() as (connection, server):
        server.sendall(bytes_said)
        with pytest.raises(SidecarGone, match="does not speak this protocol"):
            await read(connection)


async def test_events_of_a_later_version_are_skipped() -> None:
    async with connected() as (connection, server):
        server.sendall(encode_frame(b'{"event":"citation","id":"1","source":"x"}'))
        say(server, Start(id="1", reply="r", model="m"))
        with anyio.fail_after(5):
            assert await connection.receive() == Start(id="1", reply="r", model="m")


async def test_a_plain_success_was_not_asked_for() -> None:
    async with connected() as (connection, server):
        say(server, Success(success=True, data="Hi"))
        with pytest.raises(SidecarGone, match="does not speak this protocol"):
            await read(connection)


async def test_silence_is_an_end() -> None:
    async with connected() as (connection, server):
        say(server, Start(id="1", reply="r", model="m"))
        with pytest.raises(SidecarGone, match=r"said nothing for 0.05 s"):
            await read(connection, silence_seconds=0.05)
