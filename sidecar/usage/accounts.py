"""The door to this room: a booking for each request, from its admission to the end of the call that it pays for."""

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from functools import partial
from time import perf_counter

import anyio
from msgspec import Struct

from protocol.errors import Code
from protocol.messages import Usage
from sidecar.errors import SidecarError
from sidecar.observability import Metrics
from sidecar.secret import Secret
from sidecar.settings import UserLimits
from sidecar.usage.limits import Budgets, Reservation
from sidecar.usage.totals import Totals
from sidecar.usage.usage_log import Record, UsageLog, now_in_utc

# So many users and courses have numbers of their own in the metrics: enough to find who uses the most.
_MAX_LABELS = 100

# What ends so before its first word was not paid for.
_FREE = frozenset(
    {
        Code.UPSTREAM_DNS,
        Code.UPSTREAM_CONNECT,
        Code.UPSTREAM_TLS,
        Code.UPSTREAM_AUTH,
        Code.UPSTREAM_RATE_LIMITED,
        Code.UPSTREAM_BAD_REQUEST,
        Code.CONTEXT_TOO_LONG,
        Code.TIMEOUT_CONNECT,
        Code.OVERLOADED,
        Code.NOT_CONFIGURED,
    }
)


class Purpose(Struct, frozen=True, kw_only=True):
    """Who asks for what."""

    action: str
    provider: str
    model: str
    user_id: str | None
    course_id: str | None


class Accounts:
    """Books what replies cost: against the limits of their users, into the log of usage, and in the metrics."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        limits: UserLimits | None = None,
        key: Secret | None = None,
        log: UsageLog | None = None,
    ) -> None:
        """`key` makes pseudonyms of users; without one, those of the next start are others."""
        self._key = key.reveal().encode() if key is not None else secrets.token_bytes(32)
        self._budgets = Budgets(limits or UserLimits())
        self._log = log
        self._users, self._courses = Totals(_MAX_LABELS), Totals(_MAX_LABELS)
        for by, totals in (("user", self._users), ("course", self._courses)):
            whose = f"The {_MAX_LABELS} latest by {by}, and all others; a user is a pseudonym."
            metrics.sum_up(f"sidecar_{by}_replies", f"Replies. {whose}", (by,), partial(_replies, totals))
            metrics.sum_up(
                f"sidecar_{by}_tokens", f"Tokens. {whose}", (by, "gen_ai_token_type"), partial(_tokens, totals)
            )
        if self._budgets.has_limits and log is not None and key is not None:
            self._remember(log)

    def booking(self, purpose: Purpose, *, tokens: int) -> "Booking":
        """Return what a request will be booked with; `tokens`: what it may cost at most."""
        return Booking(self, purpose, tokens)

    def pseudonym(self, user_id: str) -> str:
        """Return what stands for a user: HMAC-SHA256, the first 32 hexadecimal digits."""
        return hmac.new(self._key, user_id.encode(), hashlib.sha256).hexdigest()[:32]

    def reserve(self, purpose: Purpose, tokens: int) -> Reservation | None:
        """Set aside what a request may cost, where its user is known and has limits. Raises as `Budgets.reserve`."""
        if not self._budgets.has_limits or purpose.user_id is None:
            return None
        return self._budgets.reserve(self.pseudonym(purpose.user_id), tokens, anyio.current_time())

    def leave(self, reservation: Reservation) -> None:
        """Do as `Budgets.leave`."""
        self._budgets.leave(reservation)

    def book(
        self, purpose: Purpose, usage: Usage, *, outcome: str, seconds: float, reservation: Reservation | None
    ) -> None:
        """Book what a reply has cost."""
        user = self.pseudonym(purpose.user_id) if purpose.user_id is not None else None
        used = usage.prompt_tokens, usage.completion_tokens
        if reservation is not None:
            is_free = sum(used) == 0
            self._budgets.settle(reservation, requests=0 if is_free else 1, tokens=sum(used), now=anyio.current_time())
        self._users.add(user or "", 1, *used)
        self._courses.add(purpose.course_id or "", 1, *used)
        if self._log is not None:
            self._log.put(
                Record(
                    time=now_in_utc(),
                    action=purpose.action,
                    provider=purpose.provider,
                    model=purpose.model,
                    user=user,
                    course=purpose.course_id,
                    outcome=outcome,
                    prompt_tokens=usage.prompt_tokens,
                    completion_tokens=usage.completion_tokens,
                    estimated=bool(usage.estimated),
                    seconds=round(seconds, 3),
                )
            )

    def _remember(self, log: UsageLog) -> None:
        now = anyio.current_time()
        for record in log.read_tail():
            tokens = record.prompt_tokens + record.completion_tokens
            if record.user is not None and tokens:
                self._budgets.remember(record.user, requests=1, tokens=tokens, at=now - record.age_seconds)


class Booking:
    """What one request costs. Either `share`, or `admit` and then `settle`, each once; between them `leave`."""

    def __init__(self, accounts: Accounts, purpose: Purpose, tokens: int) -> None:
        self._accounts = accounts
        self._purpose = purpose
        self._tokens = tokens
        self._began = perf_counter()
        self._reservation: Reservation | None = None

    def admit(self) -> None:
        """Set aside what it may cost.

        Raises:
            RateLimited, TooLarge: its user has no more, or never has so much.
        """
        self._reservation = self._accounts.reserve(self._purpose, self._tokens)

    def leave(self) -> None:
        """Say that its user waits for it no more, and may ask something else: others read it, and it is still paid."""
        if self._reservation is not None:
            self._accounts.leave(self._reservation)

    def settle(self, usage: Usage, *, finish_reason: str | None, error: SidecarError | None) -> None:
        """Book what it has cost."""
        if error is not None and error.code in _FREE and not usage.completion_tokens:
            usage = _NOTHING
        outcome = error.code if error is not None else finish_reason or "other"
        self._book(usage, outcome)

    def share(self) -> None:
        """Book that another request pays."""
        self._book(_NOTHING, "shared")

    def _book(self, usage: Usage, outcome: str) -> None:
        seconds = perf_counter() - self._began
        self._accounts.book(self._purpose, usage, outcome=outcome, seconds=seconds, reservation=self._reservation)
        self._reservation = None


_NOTHING = Usage(prompt_tokens=0, completion_tokens=0)


def _replies(totals: Totals) -> Iterator[tuple[tuple[str, ...], float]]:
    for label, (replies, *_) in totals:
        yield (label,), replies


def _tokens(totals: Totals) -> Iterator[tuple[tuple[str, ...], float]]:
    for label, (_, prompt, completion) in totals:
        yield (label, "input"), prompt
        yield (label, "output"), completion
