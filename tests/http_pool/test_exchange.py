"""Requests and their answers on kept and new connections. The ids are rows of the failure matrix."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import closing

import anyio
import anyio.to_thread
import pytest
import trustme

from tests.http_pool.asking import ask, begin, idle, make_request, opened, says
from tests.providers.certificates import make_server
from tests.providers.scripted import Asked, running

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("error")]

OK = says(b"ok")


AUTHORITY = trustme.CA()


class TestKept:
    async def test_a_connection_is_used_again_once_its_answer_was_read(self) -> None:
        with running(OK) as server:
            async with opened() as pools:
                steps: list[bool] = []
                for _ in range(3):
                    assert await ask(pools, server.url, steps=steps) == (200, b"ok")
                assert steps == [False, True, True, True]
        assert server.connected == 1

    async def test_not_where_the_answer_was_not_read(self) -> None:
        def two_parts(asked: Asked) -> None:
            asked.head()
            asked.chunk(b"a")
            asked.hold()

        with running(two_parts, OK) as server:
            async with opened() as pools:
                exchange = await begin(pools, server.url)
                assert await exchange.read() == b"a"
                exchange.close()
                exchange.close()
                assert idle(pools) == 0
                assert await anyio.to_thread.run_sync(server.asked[0].left.wait, 5)

    @pytest.mark.parametrize("rest", [b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen", b"?"])
    async def test_u50_not_where_bytes_follow_in_the_same_read(self, rest: bytes) -> None:
        def too_much(asked: Asked) -> None:
            asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + rest)
            asked.hold()

        with running(too_much) as server:
            async with opened() as pools:
                for _ in range(3):
                    assert await ask(pools, server.url) == (200, b"ok")
                    assert idle(pools) == 0
        assert server.connected == 3

    async def test_u50_nor_where_they_come_later(self) -> None:
        may_go_on, done = threading.Event(), threading.Event()

        def late(asked: Asked) -> None:
            asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            assert may_go_on.wait(5)
            asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen")
            done.set()
            asked.hold()

        with running(late, OK) as server:
            async with opened() as pools:
                assert await ask(pools, server.url) == (200, b"ok")
                assert idle(pools) == 1
                may_go_on.set()
                assert await anyio.to_thread.run_sync(done.wait, 5)
                assert await ask(pools, server.url) == (200, b"ok")
        assert server.connected == 2

    @pytest.mark.parametrize("leave", [Asked.cut, Asked.reset])
    async def test_u48_nor_where_the_other_side_has_left_meanwhile(self, leave: Callable[[Asked], None]) -> None:
        left = threading.Event()

        def answer_and_leave(asked: Asked) -> None:
            asked.answer(200, b"ok")
            left.set()
            leave(asked)

        with running(answer_and_leave, OK) as server:
            async with opened() as pools:
                assert await ask(pools, server.url) == (200, b"ok")
                assert await anyio.to_thread.run_sync(left.wait, 5)
                steps: list[bool] = []
                assert await ask(pools, server.url, steps=steps) == (200, b"ok")
        assert [asked.number for asked in server.asked] == [0, 1]

    async def test_u50_nor_where_half_of_them_comes_later_as_half_a_record_of_tls(self) -> None:
        may_go_on, half = threading.Event(), threading.Event()

        def steal(peer: TlsPeer) -> None:
            peer.read()
            peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            assert may_go_on.wait(5)
            stolen = peer.encrypt(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen")
            peer.socket.sendall(stolen[:20])
            half.set()
            if peer.socket.recv(65536):
                peer.socket.sendall(stolen[20:])
                peer.socket.recv(65536)

        def answer(peer: TlsPeer) -> None:
            peer.read()
            peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine")
            peer.socket.recv(65536)

        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            thread = threading.Thread(target=serve_tls, args=(listener, steal, answer), daemon=True)
            thread.start()
            client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            AUTHORITY.configure_trust(client)
            async with opened(client) as pools:
                url = f"https://127.0.0.1:{listener.getsockname()[1]}"
                assert await ask(pools, url) == (200, b"ok")
                assert idle(pools) == 1
                may_go_on.set()
                assert await anyio.to_thread.run_sync(half.wait, 5)
                assert await ask(pools, url) == (200, b"mine")
            await anyio.to_thread.run_sync(thread.join, 5)


class TlsPeer:
    """A server's side of TLS, whose records can be sent in parts."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = make_server(AUTHORITY).wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._until_enough(self._tls.do_handshake)

    def read(self) -> None:
        self._until_enough(lambda: self._tls.read(65536))

    def encrypt(self, content: bytes) -> bytes:
        self._tls.write(content)
        return self._outgoing.read()

    def write(self, content: bytes) -> None:
        self.socket.sendall(self.encrypt(content))

    def _until_enough(self, step: Callable[[], object]) -> None:
        while True:
            try:
                step()
            except ssl.SSLWantReadError:
                self.socket.sendall(self._outgoing.read())
                self._incoming.write(self.socket.recv(65536))
            else:
                self.socket.sendall(self._outgoing.read())
                return


def serve_tls(listener: socket.socket, *behaviours: Callable[[TlsPeer], None]) -> None:
    for behave in behaviours:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or half a record waits for the next request
        connection.settimeout(5)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            behave(TlsPeer(connection))


async def test_u51_who_keeps_sending_after_a_cancel_finds_the_connection_closed() -> None:
    broken = threading.Event()

    def stubborn(asked: Asked) -> None:
        asked.head()
        try:
            while True:
                asked.chunk(b"x" * 10_000)
        except OSError:
            broken.set()

    with running(stubborn) as server:
        async with opened() as pools:
            with anyio.move_on_after(0.1):
                await ask(pools, server.url)
            assert await anyio.to_thread.run_sync(broken.wait, 5)
            assert idle(pools) == 0


@pytest.mark.parametrize("evil", [b"x\r\nX-Injected: 1", b"x\nX-Injected: 1", b"x\r"])
def test_a_header_holds_no_line_end_and_the_refusal_does_not_show_it(evil: bytes) -> None:
    request = make_request("http://provider.example/v1")
    with pytest.raises(ValueError, match="line's end") as caught:
        type(request)(
            origin=request.origin, target=b"/v1", headers=((b"Authorization", b"canary" + evil),), content=b""
        ).encode(None)
    assert "canary" not in str(caught.value)
    with pytest.raises(ValueError, match="line's end"):
        type(request)(origin=request.origin, target=b"/v1 HTTP/1.1\r\nX: 1", headers=(), content=b"").encode(None)
    assert "canary" not in repr(request)
