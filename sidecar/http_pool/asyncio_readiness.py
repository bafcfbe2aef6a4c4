"""Whether bytes have come, on asyncio: the event loop is asked once for a connection, and it calls who reads.

anyio.wait_readable registers the socket and unregisters it each time, finds out which loop runs, and wakes a task for
every read. To receive a token over TLS takes 44 us that way, and the scope that bounds the wait comes on top.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

# uvloop's clock counts milliseconds, and its timers may be as much early.
_EARLY_SECONDS = 0.002


def running_loop() -> "asyncio.AbstractEventLoop | None":
    """Return the event loop that runs here, if it is one of asyncio's."""
    import asyncio  # not before one runs: a third of a start

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class AsyncioReadiness:
    """One task waits at a time, once a read has found nothing. Must be closed before its descriptor is.

    The latter because uvloop tells of a broken connection once and then never again.
    """

    def __init__(self, fd: int, loop: "asyncio.AbstractEventLoop") -> None:
        self._fd = fd
        self._loop = loop
        self._is_registered = False
        self._waiter: asyncio.Future[bool] | None = None
        self._look: Callable[[], bool]
        self._deadline: Callable[[], float]
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf

    async def wait(self, look: Callable[[], bool], deadline: Callable[[], float]) -> bool:
        """Call `look` when there may be something to read, until it returns True; return False if `deadline` is before.

        The event loop calls it, in no task. What it raises is raised here. The deadline may move to a later time.
        """
        if not self._is_registered:
            self._loop.add_reader(self._fd, self._on_readable)
            self._is_registered = True
        at = deadline()
        if at < self._timer_at:
            if at <= self._loop.time():  # or bytes that never cease would win against the timer
                return False
            self._set_timer(at)
        self._look, self._deadline = look, deadline
        self._waiter = self._loop.create_future()
        try:
            return await self._waiter
        finally:
            self._waiter = None
            del self._look, self._deadline  # which hold who reads

    def close(self) -> None:
        """Ask no more. Nobody waits."""
        if self._is_registered:
            self._loop.remove_reader(self._fd)
            self._is_registered = False
        self._set_timer(math.inf)

    def _on_readable(self) -> None:
        if (waiter := self._waiter) is None:  # bytes that nobody wants now: the loop would tell of them again and again
            self._loop.remove_reader(self._fd)
            self._is_registered = False
            return
        try:
            if not waiter.done() and self._look():
                waiter.set_result(True)
        except Exception as exc:  # noqa: BLE001 (carried to the task that it belongs to)
            waiter.set_exception(exc)
        finally:
            del waiter  # else the traceback would hold what holds it

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._on_time) if at < math.inf else None
        self._timer_at = at

    def _on_time(self) -> None:
        """The time is over, or it was for a wait of long ago: each token moves the deadline, and leaves the timer."""
        self._timer, self._timer_at = None, math.inf
        if self._waiter is None or self._waiter.done():
            return
        at = self._deadline()
        if at - self._loop.time() > _EARLY_SECONDS:
            self._set_timer(at)
        else:
            self._waiter.set_result(False)
