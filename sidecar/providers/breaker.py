"""A circuit breaker: while most requests fail, all but a probe now and then fail at once, without being sent. Pure.

attempt = breaker.admit()
if attempt is None: ...    # it is open
attempt.succeed()          # or fail(), or abandon(): the first of these counts
"""

from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 30.0
MIN_OUTCOMES = 20
# One of so many outcomes, or more, has failed.
_ONE_OF = 2

PROBE_PAUSE_SECONDS = 1.0
# A probe that has heard nothing for so long does not hold up the next one: whoever is asked there may be dead.
PROBE_PATIENCE_SECONDS = 4.0


class Attempt:
    """A request that was let through. Only what is told first about it counts."""

    def __init__(self, tell: Callable[[bool | None], None]) -> None:
        self._tell: Callable[[bool | None], None] | None = tell

    def succeed(self) -> None:
        self._once(False)

    def fail(self) -> None:
        self._once(True)

    def abandon(self) -> None:
        """Say that nothing will be known of it: it was cancelled, or went wrong on our side."""
        self._once(None)

    def _once(self, has_failed: bool | None) -> None:
        tell, self._tell = self._tell, None
        if tell is not None:
            tell(has_failed)


class Breaker:
    """Opens when half of at least 20 outcomes of the last 30 seconds are failures; closes when a probe succeeds.

    It also closes when it was not asked for 30 seconds: nothing is known any more then, and nobody has to ask only so
    that it can close. `now` is a clock in seconds; `on_change` hears when an outcome has opened or closed it.
    """

    def __init__(self, now: Callable[[], float], on_change: Callable[[bool], None]) -> None:
        self._now = now
        self._on_change = on_change
        self._seconds: deque[list[int]] = deque(maxlen=int(WINDOW_SECONDS) + 1)
        """Of each second with outcomes: which one, how many, and how many of them failures."""
        self._asked_at: float | None = None
        """When it was asked last; None while it is closed."""
        self._next_probe_at = 0.0
        self._probe: object = None
        """The probe that is under way."""

    @property
    def is_open(self) -> bool:
        return self._asked_at is not None and self._now() < self._asked_at + WINDOW_SECONDS

    def admit(self) -> Attempt | None:
        """Return the attempt that may be made now, or None."""
        if not self.is_open:
            self._close_if_open()
            return Attempt(self._count)
        self._asked_at = now = self._now()
        if now < self._next_probe_at:
            return None
        self._next_probe_at = now + PROBE_PATIENCE_SECONDS
        probe = self._probe = object()
        return Attempt(lambda has_failed: self._end_probe(probe, has_failed))

    def _count(self, has_failed: bool | None) -> None:
        """Note the outcome of a request that was let through while it was closed. It is late if it is open by now."""
        if has_failed is None or self.is_open:
            return
        self._close_if_open()
        second = int(self._now())
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append([second, 0, 0])
        self._seconds[-1][1] += 1
        self._seconds[-1][2] += has_failed
        recent = [entry for entry in self._seconds if entry[0] > second - WINDOW_SECONDS]
        outcomes, failures = (sum(entry[index] for entry in recent) for index in (1, 2))
        if has_failed and outcomes >= MIN_OUTCOMES and failures * _ONE_OF >= outcomes:
            self._asked_at = self._now()
            self._next_probe_at = self._now() + PROBE_PAUSE_SECONDS
            self._on_change(True)

    def _end_probe(self, probe: object, has_failed: bool | None) -> None:
        if self._asked_at is None:
            return
        if has_failed is False:
            self._close_if_open()
            self._on_change(False)
        elif probe is self._probe:
            self._next_probe_at = self._now() + (PROBE_PAUSE_SECONDS if has_failed else 0.0)

    def _close_if_open(self) -> None:
        if self._asked_at is not None:
            self._asked_at = None
            self._seconds.clear()
