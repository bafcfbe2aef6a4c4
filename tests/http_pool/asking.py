"""What the tests of this room share: open pools, and a request whose answer is read to its end."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio

from sidecar.http_pool import Dialer, Exchange, Names, Pools, Proxy, Request
from sidecar.http_pool.pool import Pool
from sidecar.secret import Secret
from tests.providers.scripted import Asked, Script


def make_request(url: str, content: bytes = b"{}") -> Request:
    return Request.to(url, {}, content)


@asynccontextmanager
async def opened(
    tls: ssl.SSLContext | None = None,
    *,
    proxy: str | None = None,
    names: Names | None = None,
    spares: int = 0,
    max_connections: int = 10,
) -> AsyncIterator[Pools]:
    """Give pools, and see that nothing is in use when they are left, and nothing is open after that."""
    context = tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    dialer = Dialer(names or Names(), context, Proxy.of(Secret(proxy)) if proxy else None)
    with anyio.fail_after(20):
        async with Pools(dialer, max_connections=max_connections, spares=spares) as pools:
            yield pools
            assert [pool._in_use for pool in pools_of(pools)] == [0] * len(pools_of(pools))
        assert all(pool._idle == [] for pool in pools_of(pools))


def pools_of(pools: Pools) -> list[Pool]:
    return list(pools._pools.values())


def idle(pools: Pools) -> int:
    """Return how many connections are kept or spare."""
    return sum(len(pool._idle) for pool in pools_of(pools))


async def begin(pools: Pools, url: str, content: bytes = b"{}", steps: list[bool] | None = None) -> Exchange:
    return await pools.ask(make_request(url, content), (steps if steps is not None else []).append)


async def ask(pools: Pools, url: str, content: bytes = b"{}", steps: list[bool] | None = None) -> tuple[int, bytes]:
    """Return status and body of an answer; `steps` has what was said of the connection meanwhile."""
    exchange = await begin(pools, url, content, steps)
    try:
        body = b""
        while came := await exchange.read():
            body += came
        return exchange.status, body
    finally:
        exchange.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a claim about another thread or task holds."""
    with anyio.fail_after(5):
        while not condition():  # noqa: ASYNC110 (no event tells of it)
            await anyio.sleep(0.002)


def says(body: bytes, status: int = 200) -> Script:
    """Return a script that answers with this body and keeps the connection."""
    return lambda asked: asked.answer(status, body)


def then_closes(asked: Asked) -> None:
    """Answer `ok`, then take the next request on the connection and close without a word."""
    asked.answer(200, b"ok")
    asked.connection.read_request(bytearray())
    asked.cut()
