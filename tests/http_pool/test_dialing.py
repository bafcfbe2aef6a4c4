"""Origins, and the ways through a proxy. The ids are rows of the failure matrix."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest
import trustme

from sidecar.errors import SidecarError, UpstreamConnect, UpstreamTls
from sidecar.http_pool import Names, Origin, Proxy, Unreachable, names
from sidecar.http_pool.names import Address
from sidecar.secret import Secret
from tests.http_pool.asking import ask, idle, opened, says
from tests.providers.certificates import make_server
from tests.providers.scripted import Asked, Script, running, status

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("error")]

OK = says(b"ok")
AUTHORITY = trustme.CA()


def make_client() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    AUTHORITY.configure_trust(context)
    return context


@pytest.mark.parametrize(
    ("url", "origin", "host_field", "authority"),
    [
        ("https://ai.example/v1?a=b", Origin(True, "ai.example", 443), "ai.example", "ai.example:443"),
        ("http://ai.example", Origin(False, "ai.example", 80), "ai.example", "ai.example:80"),
        ("http://ai.example:443/", Origin(False, "ai.example", 443), "ai.example:443", "ai.example:443"),
        ("https://AI.Example:8443", Origin(True, "ai.example", 8443), "ai.example:8443", "ai.example:8443"),
        ("https://[::1]:8443", Origin(True, "::1", 8443), "[::1]:8443", "[::1]:8443"),
        ("https://[::1]", Origin(True, "::1", 443), "[::1]", "[::1]:443"),
    ],
)
def test_an_origin_is_what_of_an_address_is_not_the_path(
    url: str, origin: Origin, host_field: str, authority: str
) -> None:
    assert Origin.of(url) == origin
    assert (origin.host_field, origin.authority) == (host_field, authority)


def test_the_credentials_of_a_proxy_are_not_shown() -> None:
    proxy = Proxy.of(Secret("http://me:p%40ss@proxy.example:3128"))
    assert proxy.origin == Origin(False, "proxy.example", 3128)
    assert proxy.authorization == "Basic bWU6cEBzcw=="
    assert "bWU6" not in repr(proxy)
    assert Proxy.of(Secret("http://proxy.example:3128")).authorization is None


async def test_u05_a_name_that_moves_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses: list[Address] = [(socket.AF_INET, "127.0.0.1")]

    def close(asked: Asked) -> None:
        asked.answer(200, b"old", Connection="close")
        asked.cut()

    with running(close) as old, closing(socket.create_server(("127.0.0.2", old.port))) as listener:
        async with opened(names=Names(lambda host: list(addresses))) as pools:
            url = f"http://provider.example:{old.port}"
            assert await ask(pools, url) == (200, b"old")
            addresses[:] = [(socket.AF_INET, "127.0.0.2")]
            assert await ask(pools, url) == (200, b"old")  # within the time that an address is held for good
            monkeypatch.setattr(names, "FRESH_SECONDS", -1.0)
            threading.Thread(target=answer_once, args=(listener,), daemon=True).start()
            assert await ask(pools, url) == (200, b"new")


def answer_once(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nnew")


@contextmanager
def tunnelling(to: int, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n", *,
               tls: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[bytes]]]:  # fmt: skip
    """Give the port of a proxy that connects everybody to the port `to`, and what it was asked."""
    asked: list[bytes] = []

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(65536):
                target.sendall(chunk)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def serve(connection: socket.socket) -> None:
        with suppress(OSError):
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += connection.recv(65536)
                asked.append(head)
                with socket.create_connection(("127.0.0.1", to)) as other:
                    connection.sendall(answer)
                    back = threading.Thread(target=copy, args=(other, connection), daemon=True)
                    back.start()
                    copy(connection, other)
                    back.join(5)

    def run() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=run, daemon=True).start()
        yield int(listener.getsockname()[1]), asked
        listener.shutdown(socket.SHUT_RDWR)


class TestTunnels:
    @pytest.mark.parametrize("scheme", ["http", "https"])
    async def test_tls_goes_through_a_proxy_which_sees_none_of_it(self, scheme: str) -> None:
        tls = make_server(AUTHORITY) if scheme == "https" else None
        with running(OK, tls=make_server(AUTHORITY)) as server, tunnelling(server.port, tls=tls) as (port, asked):
            authority = f"localhost:{server.port}"
            async with opened(make_client(), proxy=f"{scheme}://me:canary@localhost:{port}") as pools:
                for _ in range(3):
                    assert await ask(pools, f"https://{authority}", b"secret") == (200, b"ok")
        (head,) = asked  # the tunnel is kept like any connection
        assert head.startswith(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n".encode())
        assert b"Proxy-Authorization: Basic bWU6Y2FuYXJ5" in head
        assert "proxy-authorization" not in server.asked[0].headers
        assert server.asked[0].target == "/"

    async def test_the_certificate_is_checked_within(self) -> None:
        with running(OK, tls=make_server(trustme.CA())) as server, tunnelling(server.port) as (port, _):
            async with opened(make_client(), proxy=f"http://localhost:{port}") as pools:
                with pytest.raises(SidecarError, match="certificate is not valid"):
                    await ask(pools, f"https://localhost:{server.port}")
        assert server.asked == []

    async def test_plain_requests_are_sent_to_it_as_they_are(self) -> None:
        with running(OK) as proxy:
            async with opened(proxy=proxy.url.replace("//", "//me:canary@")) as pools:
                assert await ask(pools, "http://provider.invalid/v1") == (200, b"ok")
        assert proxy.asked[0].target == "http://provider.invalid/v1"
        assert proxy.asked[0].headers["proxy-authorization"] == "Basic bWU6Y2FuYXJ5"


def exactly(content: bytes) -> Script:
    def script(asked: Asked) -> None:
        asked.send(content)
        asked.cut()

    return script


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        (status(407, b"canary"), UpstreamConnect, "did not let the request through"),
        (status(502), UpstreamConnect, "did not let the request through"),
        (status(302, Location="http://canary"), UpstreamConnect, "did not let the request through"),
        (exactly(b"HTTP/1.1 200 OK\r\n\r\nearly"), UpstreamConnect, "did not let the request through"),
        (exactly(b"SSH-2.0-canary\r\n"), UpstreamConnect, "did not answer as one does"),
        (exactly(b"HTTP/1.1 200 OK\r\n" + b"X: canary\r\n" * 20_000), UpstreamConnect, "did not answer as one does"),
        (exactly(b""), Unreachable, "closed the connection"),
        (exactly(b"HTTP/1.1 200 OK\r\n"), Unreachable, "closed the connection"),
    ],
    ids=["407", "502", "302", "early bytes", "no HTTP", "endless", "a close", "half a head"],
)
async def test_u56_a_proxy_that_does_not_do_its_work(script: Script, error: type[SidecarError], words: str) -> None:
    with running(script) as proxy:
        async with opened(proxy=proxy.url.replace("//", "//me:canary@")) as pools:
            with pytest.raises(error, match=rf"\AThe proxy \(SIDECAR_PROXY\) {words}") as caught:
                await ask(pools, "https://provider.invalid")
            assert type(caught.value) is error
            assert "canary" not in repr(caught.value)
            assert idle(pools) == 0


async def test_u56_a_proxy_that_refuses_a_plain_request_is_named() -> None:
    with running(status(407, b"canary"), OK) as proxy:
        async with opened(proxy=proxy.url.replace("//", "//me:canary@")) as pools:
            with pytest.raises(
                UpstreamConnect, match=r"\AThe proxy \(SIDECAR_PROXY\) did not let the request"
            ) as caught:
                await ask(pools, "http://provider.invalid/v1")
            assert "canary" not in repr(caught.value)
            assert idle(pools) == 0
            assert await ask(pools, "http://provider.invalid/v1") == (200, b"ok")


async def test_u56_the_word_of_a_provider_behind_a_tunnel_is_its_own() -> None:
    with running(status(407, b"mine"), tls=make_server(AUTHORITY)) as server, tunnelling(server.port) as (port, _):
        async with opened(make_client(), proxy=f"http://localhost:{port}") as pools:
            assert await ask(pools, f"https://localhost:{server.port}") == (407, b"mine")


async def test_u56_a_proxy_whose_own_certificate_is_not_valid_is_named() -> None:
    with running(OK, tls=make_server(trustme.CA())) as proxy:
        async with opened(make_client(), proxy=proxy.url) as pools:
            with pytest.raises(UpstreamTls, match=r"\AThe proxy's certificate is not valid: .*SIDECAR_CA"):
                await ask(pools, "https://provider.invalid")
    assert proxy.asked == []


async def test_u56_a_proxy_that_speaks_no_tls_is_named() -> None:
    with running(OK) as proxy:
        async with opened(make_client(), proxy=proxy.url.replace("http:", "https:")) as pools:
            with pytest.raises(SidecarError, match=r"SIDECAR_PROXY"):
                await ask(pools, "https://provider.invalid")


async def test_u56_a_proxy_that_is_not_there_is_named() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        async with opened(proxy=f"http://127.0.0.1:{taken.getsockname()[1]}") as pools:
            with pytest.raises(Unreachable, match=r"\AThe proxy \(SIDECAR_PROXY\) could not be reached"):
                await ask(pools, "https://provider.invalid")
