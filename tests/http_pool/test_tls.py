import re
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
import trustme

from sidecar.errors import UpstreamTls
from sidecar.http_pool.failures import Cut, Unreachable
from sidecar.http_pool.sockets import SocketStream
from sidecar.http_pool.tls import TlsStream
from sidecar.providers.tls import make_tls_context
from tests.providers.certificates import make_careless_authority, make_server, write

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("error")]

AUTHORITY = trustme.CA()


def make_client(authority: trustme.CA = AUTHORITY) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


@contextmanager
def serving(behave: Callable[[ssl.SSLSocket], None], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Give the port of a server that speaks TLS on one connection, as `behave` does."""

    def run() -> None:
        raw, _ = listener.accept()
        raw.settimeout(5)
        try:
            with (tls or make_server(AUTHORITY)).wrap_socket(raw, server_side=True) as connection:
                behave(connection)
        except OSError:
            raw.close()

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join(5)


@asynccontextmanager
async def connected(port: int, context: ssl.SSLContext | None = None) -> AsyncIterator[TlsStream]:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setblocking(False)
    stream = TlsStream(SocketStream(sock), context or make_client(), "localhost")
    try:
        with anyio.fail_after(5):
            await stream.shake_hands()
            yield stream
    finally:
        stream.close()


async def refusal(port: int, context: ssl.SSLContext) -> str:
    with pytest.raises(UpstreamTls) as caught:
        async with connected(port, context):
            pass
    return str(caught.value)


def say_nothing(connection: ssl.SSLSocket) -> None:
    """Shake hands, and close."""


async def readable(stream: TlsStream) -> None:
    await anyio.wait_readable(stream._stream._socket)  # type: ignore[attr-defined]


async def test_bytes_go_both_ways_in_any_number() -> None:
    content = bytes(range(256)) * 4000

    def echo(connection: ssl.SSLSocket) -> None:
        left = len(content)
        while left:
            came = connection.recv(65536)
            connection.sendall(came)
            left -= len(came)

    with serving(echo) as port:
        async with connected(port) as stream, anyio.create_task_group() as tasks:
            stream.write(content)
            tasks.start_soon(stream.flush)
            came = b""
            while len(came) < len(content):
                came += await stream.receive()
            assert came == content
            assert stream.is_flushed


async def test_many_records_of_one_read_are_one_piece() -> None:
    sent, enough = threading.Event(), threading.Event()

    def talk(connection: ssl.SSLSocket) -> None:
        for _ in range(100):
            connection.sendall(b"0123456789")
        sent.set()
        enough.wait(5)

    with serving(talk) as port:
        async with connected(port) as stream:
            assert await anyio.to_thread.run_sync(sent.wait, 5)
            assert await stream.receive() == b"0123456789" * 100
            enough.set()


async def test_tickets_are_no_bytes() -> None:
    """With TLS 1.3 they are what a server says first, on a connection on which nothing was asked."""
    enough = threading.Event()
    with serving(lambda connection: assert_is(enough.wait(5))) as port:
        async with connected(port) as stream:
            await readable(stream)
            assert stream.receive_now() is None
            enough.set()


def assert_is(claim: bool) -> None:
    assert claim


class TestTheEnd:
    async def test_with_a_farewell_is_one(self) -> None:
        def say_farewell(connection: ssl.SSLSocket) -> None:
            connection.sendall(b"bye")
            connection.unwrap()

        with serving(say_farewell) as port:
            async with connected(port) as stream:
                assert await stream.receive() == b"bye"
                assert [await stream.receive() for _ in range(3)] == [b""] * 3
                assert stream.receive_now() == b""

    async def test_without_it_is_a_cut_behind_what_came(self, tmp_path: Path) -> None:
        def vanish(connection: ssl.SSLSocket) -> None:
            connection.sendall(b"bye")
            connection.shutdown(socket.SHUT_RDWR)

        context = make_tls_context(write(AUTHORITY, tmp_path / "ca.pem"))
        with serving(vanish) as port:
            async with connected(port, context) as stream:
                assert await stream.receive() == b"bye"
                for _ in range(3):
                    with pytest.raises(Cut):
                        await stream.receive()
                with pytest.raises(Cut):
                    stream.receive_now()

    async def test_bytes_that_are_no_tls_are_a_cut_too(self) -> None:
        def babble(connection: ssl.SSLSocket) -> None:
            connection.sendall(b"a")
            socket.socket.send(connection, b"HTTP/1.1 200 OK\r\n\r\n" * 10)
            connection.recv(1)

        with serving(babble) as port:
            async with connected(port) as stream:
                assert await stream.receive() == b"a"
                with pytest.raises(Cut):
                    await stream.receive()


@contextmanager
def renegotiating(tmp_path: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Give the port of a server of TLS 1.2, and its process: `R` on a line there asks for a new hand-shake."""
    certificate = AUTHORITY.issue_cert("localhost")
    pem = tmp_path / "server.pem"
    pem.write_bytes(certificate.private_key_and_cert_chain_pem.bytes())
    command = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", str(pem), "-tls1_2", "-naccept", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout is not None
            said = next(line for line in server.stdout if line.startswith(b"ACCEPT"))
            yield int(said.rpartition(b":")[2]), server
        finally:
            server.kill()


class TestANewHandShakeThatTheServerAsksFor:
    """TLS 1.2 has it; in the midst of one nothing can be written."""

    async def test_is_declined_by_our_context(self, tmp_path: Path) -> None:
        context = make_tls_context(write(AUTHORITY, tmp_path / "ca.pem"))
        with renegotiating(tmp_path) as (port, server):
            async with connected(port, context) as stream:
                await be_asked_anew(server, stream)
                stream.write(b"a request")
                with pytest.raises(Cut):  # this server takes no for no
                    await stream.receive()

    async def test_is_the_end_of_a_connection_that_takes_part_in_it(self, tmp_path: Path) -> None:
        with renegotiating(tmp_path) as (port, server):
            async with connected(port) as stream:
                await be_asked_anew(server, stream)
                with pytest.raises(Cut):
                    stream.write(b"a request")


async def be_asked_anew(server: subprocess.Popen[bytes], stream: TlsStream) -> None:
    assert server.stdin is not None
    server.stdin.write(b"R\n")
    server.stdin.flush()
    stream._take(await stream._stream.receive())
    assert stream._decrypt() is None


class TestTheHandShake:
    async def test_that_breaks_off_may_go_well_the_next_time(self) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:

            def close() -> None:
                listener.accept()[0].close()

            threading.Thread(target=close, daemon=True).start()
            with pytest.raises(Unreachable, match="within the TLS hand-shake"):
                async with connected(listener.getsockname()[1]):
                    pass

    async def test_of_an_unknown_authority_says_where_its_certificate_goes(self) -> None:
        with serving(say_nothing, make_server(trustme.CA())) as port:
            assert re.search(r"certificate goes into SIDECAR_CA\.\Z", await refusal(port, make_client()))

    async def test_of_an_authority_that_strict_checks_refuse_says_what_it_lacks(self) -> None:
        """Python's own contexts are strict from 3.13 on; ours is not, but a system's configuration may make it so."""
        authority = make_careless_authority()
        context = make_client(authority)
        with serving(say_nothing, make_server(authority)) as port:
            async with connected(port, context):
                pass
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
        with serving(say_nothing, make_server(authority)) as port:
            words = await refusal(port, context)
        assert re.search(r"key usage.*lacks what strict checks ask for.*keyCertSign", words)
