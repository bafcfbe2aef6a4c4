"""Asks providers over HTTP/1.1, on the pools of the room below (sidecar/http_pool), and past httpx: see docs/design.md.

Nothing is decompressed, no redirect is followed, no cookie is kept, no variable of the environment is read. How long
anything may take is the caller's: see clocks.py.
"""

import math
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Self

import anyio

from sidecar import __version__
from sidecar.errors import TimeoutConnect, Truncated, UpstreamError, UpstreamProtocol
from sidecar.http_pool import Cut, Dialer, Exchange, Names, Pools, Proxy, Request, Unreachable
from sidecar.providers.clocks import Clocks, Phase
from sidecar.providers.endpoint import Endpoint
from sidecar.providers.resilience import TryAgain
from sidecar.providers.tls import make_tls_context
from sidecar.secret import Secret
from sidecar.settings import Settings

_HEADERS = {
    "Accept": "text/event-stream, application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": f"openai-moodle-sidecar/{__version__}",
}


class Answer:
    """A provider's answer: its status and headers, then its body piece by piece."""

    def __init__(self, exchange: Exchange) -> None:
        self.status = exchange.status
        self.headers = _join(exchange.headers)
        """By their names in small letters."""
        self._exchange = exchange

    async def read(self, clocks: Clocks | None = None) -> bytes:
        """Wait for more of the body and return all that has come, or nothing at its end.

        Raises:
            Truncated, UpstreamProtocol: the body broke off, or is none.
            SidecarError: one of the clocks ran out.
        """
        with _explaining(clocks):
            return await self._exchange.read(clocks.deadline() if clocks else math.inf)

    async def read_each(self, take: Callable[[bytes], bool], clocks: Clocks) -> None:
        """Give `take` the body, as it comes, until it says that it has enough; b"" stands for its end.

        On asyncio the event loop calls it, in no task: it does not wait.

        Raises: as `read`.
        """
        with _explaining(clocks):
            await self._exchange.read_each(take, clocks.deadline)

    def close(self) -> None:
        """Cut off what was not read."""
        self._exchange.close()


class HttpClient:
    """Connections to providers. An async context manager: what is open at its end is closed.

    `spares` connections are opened ahead of requests.
    """

    def __init__(self, dialer: Dialer, *, max_connections: int, spares: int = 0) -> None:
        self._max_connections = max_connections
        self._pools = Pools(dialer, max_connections=max_connections, spares=spares)
        # Made when it is opened: a start would take a third longer until it listens.
        self._places: anyio.CapacityLimiter

    async def __aenter__(self) -> Self:
        # Whoever asks waits here, in the order of coming, and not in a pool.
        self._places = anyio.CapacityLimiter(self._max_connections)
        await self._pools.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._pools.__aexit__(kind, exc, trace)

    @property
    def connections_in_use(self) -> int:
        return int(self._places.borrowed_tokens)

    @asynccontextmanager
    async def post(
        self, endpoint: Endpoint, key: Secret | None, content: bytes, clocks: Clocks, may_send_again: Callable[[], bool]
    ) -> AsyncIterator[Answer]:
        """Send a request and give the answer. On leaving, an answer that was not read to its end is cut off.

        `may_send_again` is asked where a kept connection was found dead as none is in peace.

        Raises:
            TryAgain: there was no answer, and another try may get one.
            SidecarError: there was none, or none that can be read; or a clock ran out.
        """
        borrower = object()
        try:
            self._places.acquire_on_behalf_of_nowait(borrower)  # which it does not before those who wait
        except anyio.WouldBlock:
            clocks.enter(Phase.PLACE)
            with clocks.running():
                await self._places.acquire_on_behalf_of(borrower)
        try:
            request = Request.to(endpoint.url, make_headers(endpoint, key), content)
            answer = await self._send(request, clocks, may_send_again)
            try:
                _check_encoding(answer)
                yield answer
            finally:
                answer.close()
        finally:
            self._places.release_on_behalf_of(borrower)

    async def _send(self, request: Request, clocks: Clocks, may_send_again: Callable[[], bool]) -> Answer:
        was_sent = False

        def on_connection(is_there: bool) -> None:
            nonlocal was_sent
            clocks.was_lost |= was_sent  # then this is the second connection
            was_sent = is_there
            clocks.enter(Phase.FIRST_TOKEN if is_there else Phase.CONNECTION)

        # A request that is lost twice was read, and maybe billed: this is not to go on unseen.
        takes_kept = not clocks.was_lost
        try:
            with clocks.running():
                ask = self._pools.ask(request, on_connection, takes_kept=takes_kept, may_send_again=may_send_again)
                return Answer(await ask)
        except (TimeoutConnect, Unreachable) as exc:
            raise TryAgain(exc) from exc
        except Cut:
            clocks.was_lost = True
            raise TryAgain(UpstreamError("The provider closed the connection without an answer.")) from None


def make_dialer(settings: Settings) -> Dialer:
    """Return what opens connections to a provider as the settings want them. Raises SettingsError."""
    proxy = Proxy.of(settings.proxy) if settings.proxy is not None else None
    return Dialer(Names(), make_tls_context(settings.ca), proxy, denies_private=settings.deny_private)


@contextmanager
def _explaining(clocks: Clocks | None) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        assert clocks is not None  # noqa: S101 (else there is no time)
        raise clocks.expired() from None
    except Cut:
        raise Truncated("The provider's connection broke before the end of the answer.") from None


def make_headers(endpoint: Endpoint, key: Secret | None) -> dict[str, str]:
    """Return what goes with each request to a provider."""
    headers = {**_HEADERS, **endpoint.headers}
    if key is not None:
        scheme = "Bearer " if endpoint.key_header == "Authorization" else ""
        headers[endpoint.key_header] = f"{scheme}{key.reveal()}"
    return headers


def _join(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by their names; the values of one that came more than once have commas between them."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _check_encoding(answer: Answer) -> None:
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", ""):
        raise UpstreamProtocol("The provider compressed its answer although it was asked not to.")
