"""The pools as what is under httpx: its public extension point, in place of httpcore.

So what is asked through httpx goes the same way as all else: the same look-ups, proxy and certificates, and to no
address that is refused.
"""

from typing import Self

import httpx

from sidecar.errors import UpstreamProtocol
from sidecar.http_pool.dialing import Origin
from sidecar.http_pool.exchange import Exchange
from sidecar.http_pool.pools import Pools
from sidecar.http_pool.requests import Request


class PoolTransport(httpx.AsyncBaseTransport):
    """Sends httpx's requests through pools, which are the caller's to open and to close.

    What goes wrong is raised as our own exceptions; so are a body of more than `max_bytes`, and one that is compressed.
    """

    def __init__(self, pools: Pools, *, max_bytes: int = 4 * 1024 * 1024) -> None:
        self._pools = pools
        self._max_bytes = max_bytes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method not in ("GET", "POST"):
            raise ValueError("Only GET and POST are written: the answers to others may end otherwise.")
        url = request.url
        origin = Origin.at(url.scheme, url.raw_host.decode("ascii"), url.port)
        asked = Request(
            method=request.method.encode("ascii"),
            origin=origin,
            target=url.raw_path,
            headers=tuple(request.headers.raw),
            content=await request.aread(),
        )
        exchange = await self._pools.ask(asked, _ignore)
        response = httpx.Response(
            exchange.status, headers=list(exchange.headers), stream=_Body(exchange, self._max_bytes)
        )
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            exchange.close()
            # httpx would decode it: 292 kB of gzip are 300 MB, and more.
            raise UpstreamProtocol("The provider's answer is compressed, which was not asked for.")
        return response


def _ignore(is_there: bool) -> None:
    """Nobody wants to know of the connection."""


class _Body(httpx.AsyncByteStream):
    """Not a generator: one that is left unfinished stays behind."""

    def __init__(self, exchange: Exchange, max_bytes: int) -> None:
        self._exchange = exchange
        self._max_bytes = self._left = max_bytes

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not (body := await self._exchange.read()):
            raise StopAsyncIteration
        self._left -= len(body)
        if self._left < 0:
            raise UpstreamProtocol(f"The provider's answer has more than {self._max_bytes} bytes.")
        return body

    async def aclose(self) -> None:
        self._exchange.close()
