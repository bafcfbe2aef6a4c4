"""Requests that are still being sent when their answers come. The ids are rows of the failure matrix."""

import socket
import threading
from collections.abc import Callable
from contextlib import closing

import anyio
import anyio.to_thread
import pytest
import trustme

from sidecar.errors import UpstreamProtocol
from sidecar.http_pool import Cut
from tests.http_pool.asking import ask, idle, opened, says
from tests.providers.scripted import running

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("error")]


OK = says(b"ok")


AUTHORITY = trustme.CA()


BIG = b"x" * 6_000_000
"""More than the buffers of two sockets take."""


def serve_once(behave: Callable[[socket.socket], None]) -> tuple[socket.socket, threading.Thread]:
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        connection, _ = listener.accept()
        with connection:
            behave(connection)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return listener, thread


EARLY = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"


class TestBothWays:
    async def test_a_large_request_is_sent_as_it_is_taken(self) -> None:
        with running(OK) as server:
            async with opened() as pools:
                assert await ask(pools, server.url, BIG) == (200, b"ok")
                assert await ask(pools, server.url, BIG) == (200, b"ok")
        assert [asked.body == BIG for asked in server.asked] == [True, True]
        assert server.connected == 1

    @pytest.mark.parametrize("reads_on", [True, False])
    async def test_u47_an_answer_before_the_request_was_taken_is_read(self, reads_on: bool) -> None:
        enough = threading.Event()

        def refuse(connection: socket.socket) -> None:
            connection.recv(1000)
            connection.sendall(EARLY)
            while reads_on and connection.recv(65536):
                pass
            enough.wait(5)

        listener, thread = serve_once(refuse)
        with closing(listener):
            async with opened() as pools:
                assert await ask(pools, f"http://127.0.0.1:{listener.getsockname()[1]}", BIG) == (413, b"big")
                assert reads_on or idle(pools) == 0
            enough.set()
            await anyio.to_thread.run_sync(thread.join, 5)

    async def test_u47_and_so_it_is_where_the_connection_breaks_behind_it(self) -> None:
        def refuse(connection: socket.socket) -> None:
            connection.recv(1000)
            connection.sendall(EARLY)
            connection.shutdown(socket.SHUT_WR)

        listener, thread = serve_once(refuse)
        with closing(listener):
            async with opened() as pools:
                assert await ask(pools, f"http://127.0.0.1:{listener.getsockname()[1]}", BIG) == (413, b"big")
            await anyio.to_thread.run_sync(thread.join, 5)

    async def test_a_connection_that_breaks_while_a_large_request_is_sent(self) -> None:
        listener, thread = serve_once(lambda connection: None)
        with closing(listener):
            async with opened() as pools:
                with pytest.raises(Cut):
                    await ask(pools, f"http://127.0.0.1:{listener.getsockname()[1]}", BIG)
            await anyio.to_thread.run_sync(thread.join, 5)

    async def test_garbage_while_a_large_request_is_sent(self) -> None:
        enough = threading.Event()

        def talk(connection: socket.socket) -> None:
            connection.sendall(b"220 mail.example ESMTP\r\n")
            enough.wait(5)

        listener, thread = serve_once(talk)
        with closing(listener):
            async with opened() as pools:
                with pytest.raises(UpstreamProtocol):
                    await ask(pools, f"http://127.0.0.1:{listener.getsockname()[1]}", BIG)
            enough.set()
            await anyio.to_thread.run_sync(thread.join, 5)
