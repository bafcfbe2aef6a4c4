import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import anyio
import anyio.lowlevel
import pytest

from sidecar.http_pool.asyncio_readiness import AsyncioReadiness
from sidecar.http_pool.failures import Cut
from sidecar.http_pool.sockets import RECEIVE_BYTES, SocketStream

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("error")]


@contextmanager
def pair() -> Iterator[tuple[SocketStream, socket.socket]]:
    """Give a stream over TCP, to be made within an event loop, and its other end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    near.setblocking(False)
    stream = SocketStream(near)
    with far:
        try:
            yield stream, far
        finally:
            stream.close()


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


async def test_bytes_are_waited_for() -> None:
    with pair() as (stream, far), anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(expect, stream, b"a")
            await anyio.wait_all_tasks_blocked()
            far.sendall(b"a")
        far.sendall(b"b")
        assert await stream.receive() == b"b"
        assert stream.receive_now() is None
        far.shutdown(socket.SHUT_WR)
        assert await stream.receive() == b""


async def expect(stream: SocketStream, content: bytes) -> None:
    assert await stream.receive() == content


class TestDeadlines:
    async def test_none_before_it_is_a_timeout(self) -> None:
        with pair() as (stream, far):
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                await stream.receive(anyio.current_time() + 0.05)
            assert 0.045 < time.monotonic() - began < 2
            far.sendall(b"a")
            assert await stream.receive(anyio.current_time() + 5) == b"a"  # the connection is as good as before

    async def test_one_that_has_passed_is_one(self) -> None:
        with pair() as (stream, _), pytest.raises(TimeoutError):
            await stream.receive(anyio.current_time() - 1)

    async def test_each_wait_has_its_own(self) -> None:
        """What the first has set in motion ends no later wait before its time, and does not forget it either."""
        with pair() as (stream, far), anyio.fail_after(5):
            for _ in range(10):
                far.sendall(b"a")
                assert await stream.receive(anyio.current_time() + 0.5) == b"a"
                await anyio.sleep(0.06)
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                await stream.receive(anyio.current_time() + 0.1)
            assert time.monotonic() - began > 0.095
            with pytest.raises(TimeoutError):
                await stream.receive(anyio.current_time() + 0.02)  # and a shorter one behind a longer one

    async def test_bytes_that_never_pause_do_not_outrun_it(self) -> None:
        with pair() as (stream, far), anyio.fail_after(5):
            far.setblocking(False)
            with pytest.raises(TimeoutError):
                await read_for_ever(stream, far, anyio.current_time() + 0.05)


async def read_for_ever(stream: SocketStream, far: socket.socket, deadline: float) -> None:
    while True:
        far.send(b"x" * 1000)
        await stream.receive(deadline)


async def test_a_peer_that_never_pauses_does_not_hold_the_loop() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    with pair() as (stream, far):
        far.sendall(b"x" * RECEIVE_BYTES * 3)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(count)
            left = RECEIVE_BYTES * 3
            while left:
                left -= len(await stream.receive())
            assert turns > 1
            tasks.cancel_scope.cancel()


@pytest.mark.parametrize("content", [b"", b"last words"])
async def test_a_connection_that_breaks_behind_bytes_is_noticed_behind_them(content: bytes) -> None:
    """uvloop tells of it once, together with the bytes, and never again."""
    with pair() as (stream, far), anyio.fail_after(5):

        async def read() -> None:
            with pytest.raises(Cut):
                await read_to_the_end(stream, content)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            if content:
                far.sendall(content)
            reset(far)


async def read_to_the_end(stream: SocketStream, content: bytes) -> None:
    came = b""
    while True:
        came += await stream.receive()
        assert content.startswith(came)


async def test_a_connection_that_breaks_while_one_sends_and_one_receives() -> None:
    async def flush() -> None:
        with pytest.raises(Cut):
            await stream.flush()

    async def read() -> None:
        with suppress(Cut):  # the kernel tells one of them, and the other that this is the end
            assert await stream.receive() == b""

    with pair() as (stream, far), anyio.fail_after(5):
        stream.write(b"x" * 10_000_000)
        assert not stream.is_flushed
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            tasks.start_soon(flush)
            await anyio.wait_all_tasks_blocked()
            reset(far)
        stream.write(b"more")  # which nobody is told of
        assert not stream.is_flushed


async def test_bytes_that_nobody_waits_for_do_not_keep_the_loop_busy() -> None:
    with pair() as (stream, far), anyio.fail_after(5):
        far.sendall(b"a")
        await stream.receive()
        with anyio.move_on_after(0.01):
            await stream.receive()
        far.sendall(b"b")
        await anyio.sleep(0.01)
        if isinstance(stream._readiness, AsyncioReadiness):
            assert not stream._readiness._is_registered
        assert await stream.receive() == b"b"


async def test_a_descriptor_that_was_closed_can_be_another_connections() -> None:
    for _ in range(5):
        with pair() as (stream, far), anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(expect, stream, b"a")
                await anyio.wait_all_tasks_blocked()
                far.sendall(b"a")
