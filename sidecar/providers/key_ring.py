"""The keys of one provider: which one a request takes, which rest, and what is known of each. Pure.

A key that was refused, or whose limit is reached, rests, so that the others do the work. One that is alone never rests:
whatever was wrong with it may have been mended since.
"""

from collections.abc import Callable, Sequence
from functools import partial

from sidecar.errors import (
    ContextTooLong,
    SidecarError,
    TimeoutConnect,
    TimeoutFirstToken,
    TimeoutTotal,
    Truncated,
    UpstreamAuth,
    UpstreamBadRequest,
    UpstreamConnect,
    UpstreamDns,
    UpstreamError,
    UpstreamProtocol,
    UpstreamRateLimited,
    UpstreamTls,
)
from sidecar.providers.breaker import Attempt, Breaker
from sidecar.secret import Secret

REST_SECONDS = 60.0

# Who has seen that nothing is left of its limit waits so long for more, rather than be refused.
MAX_WAIT_SECONDS = 2.0

# Whoever is refused here at once may come back then; the breaker may well be closed.
_RETRY_AFTER_SECONDS = 5.0

# It does not answer, or not as it should. What is in neither of these says nothing about the provider.
_SICK = (
    UpstreamDns,
    UpstreamConnect,
    UpstreamTls,
    UpstreamRateLimited,
    UpstreamError,
    UpstreamProtocol,
    Truncated,
    TimeoutConnect,
    TimeoutFirstToken,
    TimeoutTotal,
)
# It answers, and refuses this one request, or this key.
_WELL = (UpstreamBadRequest, ContextTooLong, UpstreamAuth)

_REFUSED = (UpstreamAuth, UpstreamRateLimited)


class _Key:
    """One key, and what is known of it."""

    def __init__(self, secret: Secret | None, now: Callable[[], float], on_change: Callable[[bool], None]) -> None:
        self.secret = secret
        self.breaker = Breaker(now, on_change)
        self.rests_until = float("-inf")
        self.is_refused_until = float("-inf")
        self.is_spent_until = float("-inf")
        self.last_error: SidecarError | None = None


class Turn:
    """One try with one key. Tell how it goes; of several things that are told, the first counts for the breaker."""

    def __init__(self, key: _Key, attempt: Attempt, number: int, now: Callable[[], float]) -> None:
        self._key = key
        self._attempt = attempt
        self._now = now
        self.number = number
        """Of the key, from 1."""

    @property
    def secret(self) -> Secret | None:
        return self._key.secret

    @property
    def wait_seconds(self) -> float:
        """How long to wait for more of a limit of which nothing is left; 0 where that would be long."""
        seconds = max(self._key.is_spent_until - self._now(), 0.0)
        return seconds if seconds <= MAX_WAIT_SECONDS else 0.0

    def succeed(self) -> None:
        self._key.is_refused_until = float("-inf")
        self._attempt.succeed()

    def fail(self, error: SidecarError) -> None:
        """Note an error for what it says about the provider."""
        if isinstance(error, _SICK):
            self._key.last_error = error.untraced()
            self._attempt.fail()
        elif isinstance(error, _WELL):
            if isinstance(error, UpstreamAuth):
                self._key.is_refused_until = self._now() + REST_SECONDS
            self._attempt.succeed()
        else:
            self._attempt.abandon()

    def spend(self, seconds: float) -> None:
        """Note that nothing is left of a limit for so long."""
        self._key.is_spent_until = self._now() + min(seconds, REST_SECONDS)

    def abandon(self) -> None:
        self._attempt.abandon()


class KeyRing:
    """Keys that take turns; None is a provider that wants none.

    `now` is a clock in seconds; `on_change` hears of the key with a number, from 1, whether its breaker has opened or
    closed.
    """

    def __init__(
        self, keys: Sequence[Secret | None], now: Callable[[], float], on_change: Callable[[int, bool], None]
    ) -> None:
        self._now = now
        self._keys = [_Key(key, now, partial(on_change, number)) for number, key in enumerate(keys, start=1)]
        self._next = 0

    @property
    def is_ready(self) -> bool:
        """Whether one of them may be used without being a probe, and was not refused just now."""
        now = self._now()
        return any(not key.breaker.is_open and key.is_refused_until <= now for key in self._keys)

    def take(self) -> Turn:
        """Return a turn with the key that has waited longest; those that rest come last.

        Raises:
            SidecarError: the breakers are open; of the kind that opened them.
        """
        now, count = self._now(), len(self._keys)

        def order(index: int) -> tuple[float, int]:
            key = self._keys[index]
            return max(key.rests_until - now, key.is_spent_until - now, 0.0), (index - self._next) % count

        for index in sorted(range(count), key=order):
            key = self._keys[index]
            if (attempt := key.breaker.admit()) is not None:
                self._next = (index + 1) % count
                return Turn(key, attempt, index + 1, self._now)
        raise _explain_open(next(key.last_error for key in self._keys if key.last_error is not None))

    def rest(self, turn: Turn, error: SidecarError) -> bool:
        """Let the key rest if the error is about it, and say whether another one may do better at once."""
        if len(self._keys) == 1 or not isinstance(error, _REFUSED):
            return False
        now = self._now()
        self._keys[turn.number - 1].rests_until = now + REST_SECONDS
        return any(key.rests_until <= now and not key.breaker.is_open for key in self._keys)


def _explain_open(last: SidecarError) -> SidecarError:
    return type(last)(
        f"Most of the latest requests to the provider have failed, so that it is only probed at present: {last}",
        retry_after=max(last.retry_after or 0.0, _RETRY_AFTER_SECONDS),
    )
