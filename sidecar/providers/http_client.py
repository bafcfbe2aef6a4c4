"""Asks providers over HTTP/1.1. The only module that knows httpx; its exceptions become ours here.

httpx gives the interface, `_make_transport` what is under it. Nothing is decompressed, no redirect is followed, no
cookie is kept, no variable of the environment is read. How long anything may take is the caller's: see clocks.py.
"""

import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Protocol, Self, cast

import anyio
import h11
import httpx
from anyio.abc import TaskGroup

from sidecar import __version__
from sidecar.errors import (
    SidecarError,
    TimeoutConnect,
    Truncated,
    UpstreamConnect,
    UpstreamDns,
    UpstreamError,
    UpstreamProtocol,
    UpstreamTls,
)
from sidecar.providers.clocks import Clocks, Phase
from sidecar.providers.endpoint import Endpoint
from sidecar.providers.read_ahead import ReadAhead
from sidecar.providers.resilience import TryAgain
from sidecar.secret import Secret

# Moodle's traffic is sparse: with httpx's five seconds nearly every request would pay for TCP and TLS again.
_KEEP_ALIVE_SECONDS = 120.0

_CLOSE_SECONDS = 1.0

_HEADERS = {
    "Accept": "text/event-stream, application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": f"openai-moodle-sidecar/{__version__}",
}


class Answer:
    """A provider's answer: its status and headers, then its body piece by piece."""

    def __init__(self, response: httpx.Response, body: ReadAhead) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        """To be asked for in any case of letters."""
        self._body = body

    async def read(self) -> bytes:
        """Wait for more of the body and return all that has come, or nothing at its end.

        Raises:
            Truncated, UpstreamProtocol: the body broke off, or is none.
        """
        with _translating_body():
            return await self._body.read()


class HttpClient:
    """A pool of connections to one provider. An async context manager: what is open at its end is closed.

    `tls` is for https addresses, a proxy's included.
    """

    def __init__(self, *, tls: ssl.SSLContext, proxy: Secret | None, max_connections: int) -> None:
        # httpcore's pool loses places to cancelled requests when they queue in it: the queue is ours, and fair.
        self._places = anyio.CapacityLimiter(max_connections)
        self._client = httpx.AsyncClient(
            transport=_make_transport(tls, proxy, max_connections),
            headers=_HEADERS,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=None,  # noqa: S113 (the clocks are ours)
            trust_env=False,
        )
        self._tasks: TaskGroup

    async def __aenter__(self) -> Self:
        self._tasks = await anyio.create_task_group().__aenter__()
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._tasks.cancel_scope.cancel()
        try:
            return await self._tasks.__aexit__(kind, exc, trace)
        finally:
            with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
                await self._client.aclose()

    @property
    def connections_in_use(self) -> int:
        return int(self._places.borrowed_tokens)

    @asynccontextmanager
    async def post(
        self, endpoint: Endpoint, key: Secret | None, content: bytes, clocks: Clocks
    ) -> AsyncIterator[Answer]:
        """Send a request and give the answer. On leaving, an answer that was not read to its end is cut off.

        Raises:
            TryAgain: there was no answer, and another try may get one.
            SidecarError: there was none, or none that can be read; or a clock ran out.
        """
        borrower = object()
        clocks.enter(Phase.PLACE)
        with clocks.running():
            await self._places.acquire_on_behalf_of(borrower)
        try:
            response = await self._send(endpoint, key, content, clocks)
            body = ReadAhead(_chunks(response), response.aclose)
            self._tasks.start_soon(body.fill)
            try:
                _check_encoding(response)
                yield Answer(response, body)
            finally:
                await body.aclose()
        finally:
            self._places.release_on_behalf_of(borrower)

    async def _send(self, endpoint: Endpoint, key: Secret | None, content: bytes, clocks: Clocks) -> httpx.Response:
        connecting = _Connecting(lambda: clocks.enter(Phase.FIRST_TOKEN))
        headers = {**endpoint.headers, "Content-Length": str(len(content))}
        extensions = {"trace": connecting.trace}
        request = self._client.build_request("POST", endpoint.url, headers=headers, extensions=extensions)
        request.stream = _Content(content)
        if key is not None:  # here and not in the client, where it would stay
            scheme = "Bearer " if endpoint.key_header == "Authorization" else ""
            request.headers[endpoint.key_header] = f"{scheme}{key.reveal()}"
        clocks.enter(Phase.CONNECTION)
        try:
            with clocks.running(), _translating_request(connecting):
                return await self._client.send(request, stream=True)
        except TimeoutConnect as exc:
            raise TryAgain(exc) from exc
        finally:
            await connecting.aclose()


def _make_transport(tls: ssl.SSLContext, proxy: Secret | None, max_connections: int) -> httpx.AsyncBaseTransport:
    """Return what is under httpx: its own pool. One that takes its place calls the request's `trace` likewise."""
    return httpx.AsyncHTTPTransport(
        verify=tls,
        http2=False,  # over which a cancel never reaches the provider
        trust_env=False,
        limits=httpx.Limits(max_connections=max_connections, keepalive_expiry=_KEEP_ALIVE_SECONDS),
        proxy=httpx.Proxy(proxy.reveal(), ssl_context=tls if proxy.reveal().startswith("https:") else None)
        if proxy
        else None,
    )


class _Content(httpx.AsyncByteStream):
    """A body to send. httpx's own is a generator, which a cancelled request leaves behind unfinished."""

    def __init__(self, content: bytes) -> None:
        self._content: bytes | None = content

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._content is None:
            raise StopAsyncIteration
        content, self._content = self._content, None
        return content


class _Socket(Protocol):
    async def aclose(self) -> None: ...


class _Connecting:
    """Hears from the transport how a request comes to its connection."""

    def __init__(self, on_connected: Callable[[], None]) -> None:
        self._on_connected = on_connected
        self._socket: _Socket | None = None
        self.is_connected = False

    @property
    def is_new(self) -> bool:
        """Whether the connection was opened for this request."""
        return self._socket is not None

    async def trace(self, name: str, info: Mapping[str, Any]) -> None:
        if name == "connection.connect_tcp.complete":
            self._socket = info["return_value"]
        elif name == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self.is_connected = True
            self._on_connected()

    async def aclose(self) -> None:
        """Close a connection that did not come about: httpcore forgets it if it is cancelled within the hand-shake."""
        if self._socket is not None and not self.is_connected:
            with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
                await self._socket.aclose()


async def _chunks(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """Give the chunks of a body. A connection that holds more than the answer is not used again."""
    # Not aiter_raw: it gives the connection back before we have seen what is left on it.
    stream = cast(httpx.AsyncByteStream, response.stream)
    async for chunk in stream:
        yield chunk
    _refuse_leftovers(response)


def _refuse_leftovers(response: httpx.Response) -> None:
    """Have the connection closed where bytes are left on it behind the answer.

    httpcore gives them to the next request, somebody else's, as its answer; and only h11, deep in it, knows of them.
    """
    node: object = response
    for name in ("stream", "_stream", "_httpcore_stream", "_stream", "_connection", "_h11_state"):
        node = getattr(node, name, None)
    if not isinstance(node, h11.Connection):
        raise TypeError("httpcore has changed inside: what is left on a connection cannot be seen any more.")
    if node.trailing_data != (b"", False):
        node.send_failed()  # a connection in this state is not kept


def _check_encoding(response: httpx.Response) -> None:
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", ""):
        raise UpstreamProtocol("The provider compressed its answer although it was asked not to.")


@contextmanager
def _translating_request(connecting: _Connecting) -> Iterator[None]:
    """Turn what httpx raises before there is an answer into an error of ours."""
    try:
        yield
    except httpx.ProxyError:
        raise UpstreamConnect("The proxy (SIDECAR_PROXY) did not let the request through.") from None
    except httpx.ConnectError as exc:
        raise _explain_connect(exc) from None
    except httpx.TransportError as exc:
        if isinstance(exc, httpx.ProtocolError) and not _is_cut(exc):
            raise UpstreamProtocol("The provider's answer is not HTTP/1.1.") from None
        error = UpstreamError("The provider closed the connection without an answer.")
        raise TryAgain(error, is_stale=connecting.is_connected and not connecting.is_new) from None


@contextmanager
def _translating_body() -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as exc:
        if isinstance(exc, httpx.ProtocolError) and not _is_cut(exc):
            raise UpstreamProtocol("The provider's answer breaks the rules of HTTP/1.1.") from None
        raise Truncated("The provider's connection broke before the end of the answer.") from None


def _is_cut(exc: httpx.ProtocolError) -> bool:
    """Say whether it was the end that came too early: httpcore's words, and h11's."""
    return str(exc).startswith(("Server disconnected", "peer closed connection", "peer unexpectedly closed connection"))


def _explain_connect(exc: httpx.ConnectError) -> SidecarError | TryAgain:
    causes = list(_causes(exc))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return UpstreamDns("The name of the provider's machine could not be looked up (OPENAI_BASE_URL).")
    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if isinstance(tls, ssl.SSLCertVerificationError):
        # OpenSSL's words for what is wrong; they quote nothing but the name that was asked for.
        return UpstreamTls(f"The provider's certificate is not valid: {tls.verify_message}.")
    if tls is not None and not isinstance(tls, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return UpstreamTls("The provider could not be reached by TLS 1.2 or later (OPENAI_BASE_URL).")
    return TryAgain(UpstreamConnect("The provider could not be reached."))


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        if isinstance(exc, BaseExceptionGroup):
            for inner in exc.exceptions:
                yield from _causes(inner)
        exc = exc.__cause__ or exc.__context__
