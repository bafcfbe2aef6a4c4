"""Bytes that are given to who reads as they come: on asyncio and uvloop by the event loop itself."""

import socket
import ssl
import threading
from collections.abc import Callable

import anyio
import anyio.lowlevel
import pytest

from sidecar.http_pool import Exchange
from sidecar.http_pool.failures import Cut
from sidecar.http_pool.sockets import RECEIVE_BYTES, SocketStream
from tests.http_pool.asking import begin, idle, opened
from tests.http_pool.test_sockets import pair, reset
from tests.http_pool.test_tls import connected, serving
from tests.providers.scripted import Asked, running

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("error")]


def never() -> float:
    return float("inf")


class Taker:
    """Keeps what comes, until it is so many bytes, or the end."""

    def __init__(self, enough: int) -> None:
        self.enough = enough
        self.came = b""

    def __call__(self, chunk: bytes) -> bool:
        self.came += chunk
        return not chunk or len(self.came) >= self.enough


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await anyio.lowlevel.checkpoint()


async def test_they_come_one_by_one_and_what_follows_is_left() -> None:
    take = Taker(3)
    with pair() as (stream, far), anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stream.receive_each, take, never)
            for expected in (b"a", b"ab", b"abc"):
                far.sendall(expected[-1:])
                await until(lambda expected=expected: take.came == expected)  # type: ignore[misc]
        far.sendall(b"d")
        assert await stream.receive() == b"d"


async def test_what_was_there_before_is_given_too() -> None:
    with pair() as (stream, far), anyio.fail_after(5):
        far.sendall(b"x" * 10 * RECEIVE_BYTES)
        far.shutdown(socket.SHUT_WR)
        take = Taker(10**9)
        await stream.receive_each(take, never)
        assert len(take.came) == 10 * RECEIVE_BYTES


@pytest.mark.parametrize("content", [b"", b"last words"])
async def test_a_connection_that_breaks_behind_bytes_is_noticed_behind_them(content: bytes) -> None:
    """uvloop tells of it once, together with the bytes, and never again."""
    take = Taker(10**9)
    with pair() as (stream, far), anyio.fail_after(5):

        async def read() -> None:
            with pytest.raises(Cut):
                await stream.receive_each(take, never)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            if content:
                far.sendall(content)
            reset(far)
    assert content.startswith(take.came)


class TestDeadlines:
    async def test_none_before_it_is_a_timeout_and_the_connection_is_as_good_as_before(self) -> None:
        with pair() as (stream, far), anyio.fail_after(5):
            at = anyio.current_time() + 0.05
            with pytest.raises(TimeoutError):
                await stream.receive_each(Taker(1), lambda: at)
            assert anyio.current_time() >= at - 0.01
            far.sendall(b"a")
            assert await stream.receive() == b"a"

    async def test_it_may_move_while_bytes_come(self) -> None:
        with pair() as (stream, far), anyio.fail_after(5):
            at = anyio.current_time() + 0.1
            take = Taker(10**9)

            async def read() -> None:
                with pytest.raises(TimeoutError):
                    await stream.receive_each(take, lambda: at)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                for _ in range(4):
                    await anyio.sleep(0.05)
                    at = anyio.current_time() + 0.1
                    far.sendall(b"a")
            assert take.came == b"aaaa"
            assert anyio.current_time() >= at - 0.01

    async def test_bytes_that_never_pause_do_not_outrun_it(self) -> None:
        with pair() as (stream, far), anyio.fail_after(5):
            far.setblocking(False)

            def take(_: bytes) -> bool:
                far.send(b"x" * 1000)
                return False

            far.send(b"x")
            at = anyio.current_time() + 0.05
            with pytest.raises(TimeoutError):
                await stream.receive_each(take, lambda: at)


async def test_a_peer_that_never_pauses_does_not_hold_the_loop() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    with pair() as (stream, far), anyio.fail_after(5):
        far.setblocking(False)
        left = 100

        def take(_: bytes) -> bool:
            nonlocal left
            left -= 1
            far.send(b"x" * 1000)
            return not left

        far.send(b"x")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(count)
            await stream.receive_each(take, never)
            assert turns > 10
            tasks.cancel_scope.cancel()


async def test_what_the_taker_raises_is_raised_here_and_bytes_behind_it_are_not_lost() -> None:
    def take(_: bytes) -> bool:
        raise KeyError

    async def read(stream: SocketStream) -> None:
        with pytest.raises(KeyError):
            await stream.receive_each(take, never)

    with pair() as (stream, far), anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read, stream)
            await anyio.wait_all_tasks_blocked()
            far.sendall(b"a")
        far.sendall(b"b")
        assert await stream.receive() == b"b"


async def test_a_wait_that_was_cancelled_takes_nothing_more() -> None:
    take = Taker(10**9)
    with pair() as (stream, far), anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stream.receive_each, take, never)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        far.sendall(b"a")
        assert await stream.receive() == b"a"
    assert take.came == b""


async def test_records_of_tls_come_as_they_come_to_the_farewell() -> None:
    heard = threading.Semaphore(0)

    def talk(connection: ssl.SSLSocket) -> None:
        for _ in range(3):
            connection.sendall(b"0123456789")
            heard.acquire(timeout=5)
        connection.sendall(b"bye")
        connection.unwrap()

    with serving(talk) as port:
        async with connected(port) as stream:
            chunks: list[bytes] = []

            def take(chunk: bytes) -> bool:
                chunks.append(chunk)
                heard.release()
                return not chunk

            with anyio.fail_after(5):
                await stream.receive_each(take, never)
    assert chunks == [b"0123456789"] * 3 + [b"bye", b""]


async def read_all(exchange: Exchange) -> list[bytes]:
    chunks: list[bytes] = []

    def take(chunk: bytes) -> bool:
        chunks.append(chunk)
        return not chunk

    await exchange.read_each(take, never)
    return chunks


async def test_a_body_comes_without_its_framing_and_its_connection_is_kept() -> None:
    def three(asked: Asked) -> None:
        asked.head()
        asked.chunk(b"a")
        asked.pause(0.02)
        asked.chunk(b"b")
        asked.pause(0.02)
        asked.send(b"1\r\nc\r\n0\r\n\r\n")

    with running(three) as server:
        async with opened() as pools:
            for _ in range(2):
                exchange = await begin(pools, server.url)
                chunks = await read_all(exchange)
                exchange.close()
                assert b"".join(chunks) == b"abc"
                assert chunks[-1] == b""
            assert idle(pools) == 1
        assert server.connected == 1


async def test_a_body_that_came_with_its_head_is_there_at_once() -> None:
    with running(lambda asked: asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) as server:
        async with opened() as pools:
            exchange = await begin(pools, server.url)
            assert await read_all(exchange) == [b"ok", b""]
            exchange.close()


async def test_a_body_that_is_cut_is_cut() -> None:
    def broken(asked: Asked) -> None:
        asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok")
        asked.cut()

    with running(broken) as server:
        async with opened() as pools:
            exchange = await begin(pools, server.url)
            with pytest.raises(Cut):
                await read_all(exchange)
            exchange.close()
            assert idle(pools) == 0
