"""The connections to one origin: in use, kept for the next request, and spares that are opened ahead of it."""

import math

import anyio

from sidecar.errors import SidecarError
from sidecar.http_pool.connection import Connection
from sidecar.http_pool.dialing import Dialer, Origin

# Moodle's traffic is sparse: what is closed after a few seconds is never used again.
_IDLE_SECONDS = 120.0

# Then a name may have moved to another machine, or a balancer may want to share anew.
_AGE_SECONDS = 600.0

# As long after the last request somebody is at work, and the next request should find a connection.
_AWAKE_SECONDS = 600.0

# How often it is looked whether the other side has closed what is kept.
_LOOK_SECONDS = 5.0

_OPEN_SECONDS = 10.0

# After a spare could not be opened, the next is tried after so long, doubled each time.
_FIRST_PAUSE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 80.0


class Pool:
    """Connections to one origin. `keep` has to run beside their use; whoever takes or opens one gives it back.

    How many are in use is the caller's to bound; `max_connections` is for the spares, which are none of those.
    """

    def __init__(self, origin: Origin, dialer: Dialer, *, max_connections: int, spares: int) -> None:
        self._origin = origin
        self._dialer = dialer
        self._max_connections = max_connections
        self._spares = spares
        self._idle: list[Connection] = []
        """The one that was used last is the last, and is taken first."""
        self._in_use = 0
        self._last_request = -math.inf
        self._changed = anyio.Event()
        self._is_closed = False
        self._pause = 0.0
        self._next_spare_at = -math.inf

    def take(self) -> Connection | None:
        """Return a connection that was kept, or None."""
        self._last_request = now = anyio.current_time()
        self._changed.set()
        while self._idle:
            connection = self._idle.pop()
            if _is_good(connection, now):
                self._in_use += 1
                return connection
            connection.close()
        return None

    async def open(self) -> Connection:
        """Open a connection. Raises as `Dialer.dial`."""
        self._in_use += 1
        try:
            return Connection(await self._dialer.dial(self._origin))
        except BaseException:
            self._in_use -= 1
            raise

    def give_back(self, connection: Connection) -> None:
        """Keep a connection where another request may follow on it, else close it."""
        self._in_use -= 1
        self._changed.set()
        if connection.is_reusable and not self._is_closed:
            connection.idle_since = anyio.current_time()
            self._idle.append(connection)
        else:
            connection.close()

    async def keep(self) -> None:
        """Close what was kept too long and open spares, until cancelled. Then close all that is not in use."""
        try:
            while True:
                self._changed = anyio.Event()
                self._weed()
                if self._wants_spare():
                    await self._open_spare()
                    continue
                is_awake = anyio.current_time() - self._last_request < _AWAKE_SECONDS
                with anyio.CancelScope() as scope:
                    if self._idle or (is_awake and self._spares):
                        scope.deadline = anyio.current_time() + _LOOK_SECONDS
                    await self._changed.wait()
        finally:
            self._is_closed = True
            while self._idle:
                self._idle.pop().close()

    def _weed(self) -> None:
        now = anyio.current_time()
        kept = []
        for connection in self._idle:
            if _is_good(connection, now):
                kept.append(connection)
            else:
                connection.close()
        self._idle = kept

    def _wants_spare(self) -> bool:
        now = anyio.current_time()
        return (
            now - self._last_request < _AWAKE_SECONDS
            and len(self._idle) < self._spares
            and self._in_use + len(self._idle) < self._max_connections
            and now >= self._next_spare_at
        )

    async def _open_spare(self) -> None:
        with anyio.move_on_after(_OPEN_SECONDS):
            try:
                self._idle.append(Connection(await self._dialer.dial(self._origin)))
            except SidecarError:  # whoever asks for a connection is told why there is none
                pass
            else:
                self._pause = 0.0
                return
        self._pause = min(max(self._pause * 2, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
        self._next_spare_at = anyio.current_time() + self._pause


def _is_good(connection: Connection, now: float) -> bool:
    is_young = now - connection.idle_since < _IDLE_SECONDS and now - connection.opened_at < _AGE_SECONDS
    return is_young and connection.is_quiet
