"""One request and its answer, on whatever connection there is."""

import math
from collections.abc import Callable

import anyio

from sidecar.http_pool.connection import Connection
from sidecar.http_pool.failures import Cut
from sidecar.http_pool.parsing import Head
from sidecar.http_pool.pool import Pool
from sidecar.http_pool.sockets import Take

# Where a connection that had been closed before is asked, its end comes within a round trip. Who ends it later has read
# the request, was at work on it, and may bill it.
_SOON_SECONDS = 1.0

OnConnection = Callable[[bool], None]
"""Called with False where a connection has to be opened first, and with True where there is one."""

MaySendAgain = Callable[[], bool]
"""Asked before a request is sent a second time, which the caller counts."""


class Exchange:
    """An answer whose head has come. Must be closed, which keeps its connection where it was read to its end."""

    def __init__(self, pool: Pool, connection: Connection, head: Head) -> None:
        self._pool = pool
        self._connection = connection
        self._is_closed = False
        self.status = head.status
        self.headers = head.headers

    async def read(self, deadline: float = math.inf) -> bytes:
        """Wait for more of the body and return all that has come of it, or nothing at its end.

        Raises:
            Cut: the connection broke.
            UpstreamProtocol: what came is no body.
            TimeoutError: nothing came until `deadline`.
        """
        return await self._connection.read(deadline)

    async def read_each(self, take: Take, deadline: Callable[[], float]) -> None:
        """Give `take` the body, as it comes, until it has enough; b"" stands for its end. See `Stream.receive_each`.

        Raises: as `read`.
        """
        await self._connection.read_each(take, deadline)

    def close(self) -> None:
        """Give the connection back; where more of the answer may come, it is closed at once. May be called again."""
        if not self._is_closed:
            self._is_closed = True
            self._pool.give_back(self._connection)


def always() -> bool:
    return True


async def exchange(
    pool: Pool,
    request: bytes,
    on_connection: OnConnection,
    *,
    takes_kept: bool = True,
    may_send_again: MaySendAgain = always,
) -> Exchange:
    """Send a request, and return its answer as soon as its head has come.

    A connection that had been kept may be gone without our knowledge. Where it ends soon, and no byte of an answer came
    on it, the request is sent once more, on a new one. Whether that may be is asked where the pool does not excuse it:
    then the provider may read requests and close. Where `takes_kept` is not set there is a new one from the start, and
    so nothing is sent twice.

    Raises:
        Cut: the connection broke.
        Unreachable, SidecarError: there is none, or what came on it is no answer.
    """
    connection = pool.take() if takes_kept else None
    if connection is not None:
        on_connection(True)
        sent_at = anyio.current_time()
        try:
            return await _ask(pool, connection, request)
        except Cut:
            if not connection.is_untouched or anyio.current_time() - sent_at > _SOON_SECONDS:
                raise
            if not (pool.excuses(connection) or may_send_again()):
                raise
    on_connection(False)
    connection = await pool.open()
    on_connection(True)
    return await _ask(pool, connection, request)


async def _ask(pool: Pool, connection: Connection, request: bytes) -> Exchange:
    try:
        head = await connection.ask(request)
    except BaseException:
        pool.give_back(connection)
        raise
    return Exchange(pool, connection, head)
