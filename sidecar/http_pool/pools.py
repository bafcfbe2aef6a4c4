"""The door to this room: requests go to the pools of their origins, which live as long as `Pools` is open."""

from types import TracebackType
from typing import Self

import anyio
from anyio.abc import TaskGroup

from sidecar.http_pool.dialing import Dialer, Origin, proxy_refused
from sidecar.http_pool.exchange import Exchange, MaySendAgain, OnConnection, always, exchange
from sidecar.http_pool.pool import Pool
from sidecar.http_pool.requests import Request

# Proxy Authentication Required. Where requests go to a proxy as they are, this is its own word.
_PROXY_REFUSES = 407


class Pools:
    """A pool of connections for each origin that is asked. An async context manager: at its end none is open."""

    def __init__(self, dialer: Dialer, *, max_connections: int, spares: int) -> None:
        self._dialer = dialer
        self._max_connections = max_connections
        self._spares = spares
        self._pools: dict[Origin, Pool] = {}
        self._tasks: TaskGroup

    async def __aenter__(self) -> Self:
        self._tasks = await anyio.create_task_group().__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._tasks.cancel_scope.cancel()
        return await self._tasks.__aexit__(kind, exc, trace)

    async def ask(
        self,
        request: Request,
        on_connection: OnConnection,
        *,
        takes_kept: bool = True,
        may_send_again: MaySendAgain = always,
    ) -> Exchange:
        """Send a request, and return its answer, which the caller closes. Raises as `exchange`."""
        pool = self._pools.get(request.origin)
        if pool is None:
            pool = Pool(request.origin, self._dialer, max_connections=self._max_connections, spares=self._spares)
            self._pools[request.origin] = pool
            self._tasks.start_soon(pool.keep)
        proxy = self._dialer.proxy
        answer = await exchange(
            pool, request.encode(proxy), on_connection, takes_kept=takes_kept, may_send_again=may_send_again
        )
        if answer.status == _PROXY_REFUSES and proxy is not None and not request.origin.is_tls:
            answer.close()
            raise proxy_refused()
        return answer
