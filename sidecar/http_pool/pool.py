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

# What was kept for so long may end at any time: the server, or a firewall on the way, waited long enough for more.
_LONG_SECONDS = 5.0

# A provider that starts anew ends all connections that were kept. It is believed to do so no more often.
_RESTART_SECONDS = 60.0

# How often it is looked whether the other side has closed what is kept.
_LOOK_SECONDS = 5.0

_OPEN_SECONDS = 10.0

# After a spare could not be opened, or was closed before it was of use, the next is tried after so long, doubled each
# time.
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
        self._is_asleep = False
        """Whether nothing is kept nor wanted, so that `keep` waits for a request."""
        self._is_closed = False
        self._pause = 0.0
        self._next_spare_at = -math.inf
        self._restart_at = -math.inf
        """When the provider may have started anew: one of the connections that were kept was found dead."""

    def take(self) -> Connection | None:
        """Return a connection that was kept, or None."""
        self._last_request = now = anyio.current_time()
        taken = None
        while self._idle and taken is None:
            connection = self._idle.pop()
            if _is_good(connection, now):
                self._in_use += 1
                taken = connection
            else:
                self._drop(connection, now)
        self._wake_keeper()
        return taken

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
        if connection.is_reusable and not self._is_closed:
            if connection.is_spare:
                self._pause = 0.0
            connection.idle_since = anyio.current_time()
            self._idle.append(connection)
        else:
            connection.close()
        self._wake_keeper()

    def excuses(self, dead: Connection) -> bool:
        """Say whether it tells nothing of the provider that a kept connection was found dead.

        Namely where it was kept for long, or where all that were kept seem to have ended; then those that were kept for
        longer are not used any more.
        """
        now = anyio.current_time()
        if now - self._restart_at >= _RESTART_SECONDS:
            self._restart_at = now
            while self._idle and self._idle[0].idle_since <= dead.idle_since:
                self._idle.pop(0).close()
        return dead.idle_since <= self._restart_at or now - dead.idle_since >= _LONG_SECONDS

    def _wake_keeper(self) -> None:
        """Let `keep` look, where there is something to do: most requests find and leave all as it should be."""
        if self._is_asleep or (len(self._idle) < self._spares and self._wants_spare()):
            self._changed.set()

    async def keep(self) -> None:
        """Close what was kept too long and open spares, until cancelled. Then close all that is not in use."""
        look_at = -math.inf
        try:
            while True:
                self._changed = anyio.Event()
                now = anyio.current_time()
                if now >= look_at:  # and not at each request, which would look at every connection
                    self._weed(now)
                    look_at = now + _LOOK_SECONDS
                if self._wants_spare():
                    await self._open_spare()
                    continue
                is_awake = self._spares > 0 and now - self._last_request < _AWAKE_SECONDS
                self._is_asleep = not (self._idle or is_awake)
                with anyio.CancelScope(deadline=math.inf if self._is_asleep else look_at):
                    await self._changed.wait()
                self._is_asleep = False
        finally:
            self._is_closed = True
            while self._idle:
                self._idle.pop().close()

    def _weed(self, now: float) -> None:
        kept = []
        for connection in self._idle:
            if _is_good(connection, now):
                kept.append(connection)
            else:
                self._drop(connection, now)
        self._idle = kept

    def _drop(self, connection: Connection, now: float) -> None:
        """Close what is good no more. A spare that nobody used was in vain, and others would be."""
        if connection.is_spare and connection.is_untouched and not _is_old(connection, now):
            self._put_off_spares(now)
        connection.close()

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
                self._idle.append(Connection(await self._dialer.dial(self._origin), is_spare=True))
            except SidecarError:  # whoever asks for a connection is told why there is none
                pass
            else:
                return
        self._put_off_spares(anyio.current_time())

    def _put_off_spares(self, now: float) -> None:
        if now >= self._next_spare_at:  # else another one has done so
            self._pause = min(max(self._pause * 2, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
            self._next_spare_at = now + self._pause


def _is_good(connection: Connection, now: float) -> bool:
    return not _is_old(connection, now) and connection.is_quiet


def _is_old(connection: Connection, now: float) -> bool:
    return now - connection.idle_since >= _IDLE_SECONDS or now - connection.opened_at >= _AGE_SECONDS
