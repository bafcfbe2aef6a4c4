"""The four clocks of a request to a provider: connect, first token, between tokens, total. All of them are ours.

Bytes do not count, content does: a provider that only sends signs of life is as silent as one that sends nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum, auto
from types import MappingProxyType

import anyio
from msgspec import Struct

from sidecar.asyncio_clock import make_clock
from sidecar.errors import Overloaded, SidecarError, TimeoutConnect, TimeoutFirstToken, TimeoutIdle, TimeoutTotal
from sidecar.settings import Timeouts

_RETRY_AFTER_SECONDS = 5.0


class Phase(Enum):
    """What a request waits for."""

    PLACE = auto()
    """One of our connections to the provider."""
    CONNECTION = auto()
    """Name look-up, TCP and TLS."""
    FIRST_TOKEN = auto()
    """From the request to the first content, the tries before it included."""
    NEXT_TOKEN = auto()


class _Expiry(Struct, frozen=True):
    """What it means that a clock ran out: the error, and its sentence with `{seconds}` in it."""

    error: type[SidecarError]
    message: str
    retry_after: float | None = None


_EXPIRIES: Mapping[Phase | None, _Expiry] = MappingProxyType(
    {
        Phase.PLACE: _Expiry(
            Overloaded,
            "All connections to the provider were in use for {seconds:g} s (SIDECAR_MAX_UPSTREAM).",
            _RETRY_AFTER_SECONDS,
        ),
        Phase.CONNECTION: _Expiry(
            TimeoutConnect, "The provider could not be reached within {seconds:g} s (SIDECAR_TIMEOUT_CONNECT)."
        ),
        Phase.FIRST_TOKEN: _Expiry(
            TimeoutFirstToken, "The provider sent nothing of an answer for {seconds:g} s (SIDECAR_TIMEOUT_FIRST_TOKEN)."
        ),
        Phase.NEXT_TOKEN: _Expiry(
            TimeoutIdle, "The provider's answer stood still for {seconds:g} s (SIDECAR_TIMEOUT_IDLE)."
        ),
        None: _Expiry(
            TimeoutTotal, "The provider's answer was not complete after {seconds:g} s (SIDECAR_TIMEOUT_TOTAL)."
        ),
    }
)


class Clocks:
    """The deadlines of one request, over all its tries. Made when it begins."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._clock = make_clock()
        now = self._clock()
        self._timeouts = timeouts
        self._total_at = now + timeouts.total_seconds
        self._first_token_at = now + timeouts.first_token_seconds
        self._phase = Phase.PLACE
        self._phase_at = self._first_token_at
        self._scope: anyio.CancelScope | None = None
        self.was_lost = False
        """Whether the request was sent, and its connection ended without a byte of an answer: it may have been read."""

    @property
    def has_content(self) -> bool:
        """Whether the model has begun to answer: then no second try may follow."""
        return self._phase is Phase.NEXT_TOKEN

    def enter(self, phase: Phase) -> None:
        """Begin to wait for something else; where it is content, also when the next of it has come."""
        now = self._clock()
        self._phase = phase
        if phase is Phase.CONNECTION:
            self._phase_at = now + self._timeouts.connect_seconds
        elif phase is Phase.NEXT_TOKEN:
            self._phase_at = now + self._timeouts.idle_seconds
        else:
            self._phase_at = self._first_token_at
        if self._scope is not None:
            self._scope.deadline = self.deadline()

    def begin_anew(self) -> None:
        """Turn to another provider, which has the whole time until its first token, but no more than is left in all."""
        self._first_token_at = anyio.current_time() + self._timeouts.first_token_seconds
        self.was_lost = False
        self.enter(Phase.PLACE)

    @contextmanager
    def running(self) -> Iterator[None]:
        """End what is awaited within when the time of the current phase, or all of it, is over.

        Raises:
            SidecarError: it is; the error of that clock.
        """
        with anyio.CancelScope(deadline=self.deadline()) as scope:
            self._scope = scope
            try:
                yield
            finally:
                self._scope = None
        if scope.cancelled_caught:
            raise self.expired()

    def leaves(self, seconds: float) -> bool:
        """Say whether a pause of so long, before the next try, ends before all time is over."""
        return anyio.current_time() + seconds < min(self._first_token_at, self._total_at)

    def deadline(self) -> float:
        """Return when the time of the current phase, or all of it, is over."""
        return min(self._phase_at, self._total_at)

    def expired(self) -> SidecarError:
        """Return the error of the clock that ran out at `deadline`."""
        timeouts = self._timeouts
        seconds = {
            Phase.PLACE: timeouts.first_token_seconds,
            Phase.CONNECTION: timeouts.connect_seconds,
            Phase.FIRST_TOKEN: timeouts.first_token_seconds,
            Phase.NEXT_TOKEN: timeouts.idle_seconds,
            None: timeouts.total_seconds,
        }
        which = self._phase if self._phase_at < self._total_at else None
        expiry = _EXPIRIES[which]
        return expiry.error(expiry.message.format(seconds=seconds[which]), retry_after=expiry.retry_after)
