"""The pace of what only plays a model."""

from collections.abc import Awaitable, Callable

import anyio


class Pace:
    """Moments that are `seconds` apart. `now` and `sleep` are the clock; a test brings its own."""

    def __init__(
        self,
        seconds: float,
        *,
        now: Callable[[], float] = anyio.current_time,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._seconds = seconds
        self._now = now
        self._sleep = sleep

    def begin(self) -> Callable[[int], Awaitable[None]]:
        """Return what waits for moment 0 (this one), 1, 2, ...

        By the schedule from the start: what one sleep takes too long the next one makes up for.
        """
        start = self._now()
        return lambda number: self._sleep(max(0.0, start + number * self._seconds - self._now()))
