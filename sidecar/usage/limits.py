"""What each user may use in an hour and in a day: reserved before the model is asked, settled when it has answered.

Pure; time is given. What is reserved counts as used until then, so that a burst cannot overspend.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator

from msgspec import Struct

from sidecar.errors import RateLimited, TooLarge
from sidecar.settings import UserLimits
from sidecar.usage.window import Window

# An account takes about a kilobyte. Beyond so many, who was idle for the longest time begins anew.
MAX_USERS = 20_000

# Where what is still running is in the way, it is not known when that ends.
_RUNNING_SECONDS = 5.0

_HOUR, _DAY = 3600.0, 86400.0


class _Limit(Struct, frozen=True):
    what: str
    period: str
    seconds: float
    amount: int
    setting: str


def _spell_out(limits: UserLimits) -> Iterator[_Limit]:
    for what in ("requests", "tokens"):
        for seconds, period in ((_HOUR, "hour"), (_DAY, "day")):
            amount = getattr(limits, f"{what}_per_{period}")
            if amount:
                yield _Limit(what, period, seconds, amount, f"SIDECAR_USER_{what}_PER_{period}".upper())


class _Account:
    __slots__ = ("at_once", "requests", "tokens", "windows")

    def __init__(self, limits: tuple[_Limit, ...]) -> None:
        self.windows = tuple(Window(limit.seconds) for limit in limits)
        self.requests = 0
        """Reserved, as `tokens`."""
        self.tokens = 0
        self.at_once = 0
        """Those of the reserved requests that somebody waits for."""

    def reserved(self, what: str) -> int:
        return self.requests if what == "requests" else self.tokens


class Reservation(Struct, eq=False):
    """What a request may cost; to be settled once."""

    user: str
    tokens: int
    _account: _Account
    _is_at_once: bool = True


class Budgets:
    """The accounts of all users."""

    def __init__(self, limits: UserLimits, *, max_users: int = MAX_USERS) -> None:
        self._limits = tuple(_spell_out(limits))
        self._at_once = limits.requests_at_once
        self._max_users = max_users
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def __len__(self) -> int:
        return len(self._accounts)

    @property
    def has_limits(self) -> bool:
        return bool(self._limits or self._at_once)

    def reserve(self, user: str, tokens: int, now: float) -> Reservation:
        """Set aside one request and `tokens` for a user.

        Raises:
            RateLimited: a limit is reached; it is named, with what is used and when to come back.
            TooLarge: the request alone may take more than a limit allows.
        """
        account = self._account(user)
        refusals = []
        for limit, window in zip(self._limits, account.windows, strict=True):
            wanted = 1 if limit.what == "requests" else tokens
            if wanted > limit.amount:
                raise TooLarge(
                    f"This request may take up to {wanted} tokens, and a user has {limit.amount} for each "
                    f"{limit.period} ({limit.setting})."
                )
            used, reserved = window.used(now), account.reserved(limit.what)
            excess = used + reserved + wanted - limit.amount
            if excess > 0:
                seconds = window.seconds_until_free(excess, now) if excess <= used else _RUNNING_SECONDS
                refusals.append((seconds, _refusal(limit, used, reserved, wanted, seconds)))
        if not refusals and 0 < self._at_once <= account.at_once:
            raise RateLimited(
                f"A user has {self._at_once} requests at once (SIDECAR_USER_REQUESTS_AT_ONCE), and as many are "
                f"running. Come back in {_in_words(_RUNNING_SECONDS)}.",
                retry_after=_RUNNING_SECONDS,
            )
        if refusals:
            raise max(refusals, key=lambda refusal: refusal[0])[1]
        account.requests += 1
        account.at_once += 1
        account.tokens += tokens
        return Reservation(user, tokens, account)

    def leave(self, reservation: Reservation) -> None:
        """Let the user ask something else: the request goes on for others, and what it may cost stays set aside."""
        if reservation._is_at_once:
            reservation._is_at_once = False
            reservation._account.at_once -= 1

    def settle(self, reservation: Reservation, *, requests: int, tokens: int, now: float) -> None:
        """Book what a request has cost, in place of what was set aside for it; more than that, too."""
        self.leave(reservation)
        account = reservation._account
        account.requests -= 1
        account.tokens -= reservation.tokens
        self._book(account, requests, tokens, now)

    def remember(self, user: str, *, requests: int, tokens: int, at: float) -> None:
        """Book what a user has used in an earlier life of this process."""
        self._book(self._account(user), requests, tokens, at)

    def _book(self, account: _Account, requests: int, tokens: int, at: float) -> None:
        for limit, window in zip(self._limits, account.windows, strict=True):
            window.add(requests if limit.what == "requests" else tokens, at)

    def _account(self, user: str) -> _Account:
        account = self._accounts.get(user)
        if account is None:
            self._make_room()
            account = self._accounts[user] = _Account(self._limits)
        self._accounts.move_to_end(user)
        return account

    def _make_room(self) -> None:
        if len(self._accounts) >= self._max_users:
            idle = next((user for user, account in self._accounts.items() if not account.requests), None)
            if idle is not None:
                del self._accounts[idle]


def _refusal(limit: _Limit, used: int, reserved: int, wanted: int, seconds: float) -> RateLimited:
    running = f", {reserved} are set aside for what is running" if reserved else ""
    needs = f", this request may take {wanted}" if limit.what == "tokens" else ""
    return RateLimited(
        f"A user has {limit.amount} {limit.what} for each {limit.period} ({limit.setting}): {used} are used{running}"
        f"{needs}. Come back in {_in_words(seconds)}.",
        retry_after=seconds,
    )


def _in_words(seconds: float) -> str:
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    if seconds < 90 * 60:
        return f"{math.ceil(seconds / 60)} min"
    return f"{math.ceil(seconds / 3600)} h"
