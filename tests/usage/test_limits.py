"""Limits of users, driven by hypothesis: whatever is asked and used in whatever order, no budget is overspent."""

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sidecar.errors import RateLimited, TooLarge
from sidecar.settings import UserLimits
from sidecar.usage.limits import Budgets, Reservation

HOUR, DAY = 3600.0, 86400.0
USERS = ("ada", "bob")


@dataclass
class Use:
    """What one user has used: when, how many requests, how many tokens."""

    settled: list[tuple[float, int, int]] = field(default_factory=list)
    running: list[Reservation] = field(default_factory=list)
    left: list[Reservation] = field(default_factory=list)
    """Those of the running ones that the user waits for no more."""

    @property
    def at_once(self) -> int:
        return sum(reservation not in self.left for reservation in self.running)


class BudgetMachine(RuleBasedStateMachine):
    @initialize(
        limits=st.builds(
            UserLimits,
            requests_at_once=st.sampled_from([0, 0, 2]),
            requests_per_hour=st.sampled_from([0, 1, 3]),
            requests_per_day=st.sampled_from([0, 5]),
            tokens_per_hour=st.sampled_from([0, 50]),
            tokens_per_day=st.sampled_from([0, 100]),
        )
    )
    def begin(self, limits: UserLimits) -> None:
        self.limits = limits
        self.budgets = Budgets(limits)
        self.now = 1000.0
        self.uses = {user: Use() for user in USERS}

    @rule(user=st.sampled_from(USERS), tokens=st.integers(1, 40))
    def reserve(self, user: str, tokens: int) -> None:
        use, refused = self.uses[user], None
        try:
            use.running.append(self.budgets.reserve(user, tokens, self.now))
        except RateLimited as exc:
            refused = exc
        if refused is not None:
            assert "SIDECAR_USER_" in str(refused)
            assert refused.retry_after is not None
            assert refused.retry_after > 0
            assert "AT_ONCE" not in str(refused) or use.at_once == self.limits.requests_at_once
            if not use.running:  # else it is not known when they end
                self.now += refused.retry_after + 1e-3
                use.running.append(self.budgets.reserve(user, tokens, self.now))

    @precondition(lambda self: any(use.running for use in self.uses.values()))
    @rule(draw=st.data(), share=st.floats(0, 1))
    def settle(self, draw: st.DataObject, share: float) -> None:
        use = draw.draw(st.sampled_from([use for use in self.uses.values() if use.running]))
        reservation = use.running.pop(draw.draw(st.integers(0, len(use.running) - 1)))
        tokens = int(reservation.tokens * share)
        requests = min(tokens, 1)
        self.budgets.settle(reservation, requests=requests, tokens=tokens, now=self.now)
        use.settled.append((self.now, requests, tokens))

    @precondition(lambda self: any(use.running for use in self.uses.values()))
    @rule(draw=st.data())
    def leave(self, draw: st.DataObject) -> None:
        use = draw.draw(st.sampled_from([use for use in self.uses.values() if use.running]))
        reservation = draw.draw(st.sampled_from(use.running))
        self.budgets.leave(reservation)
        use.left.append(reservation)

    @rule(seconds=st.sampled_from([1.0, 100.0, HOUR / 2, HOUR, DAY / 2, DAY]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def no_budget_is_overspent_in_any_hour_or_day(self) -> None:
        for use in self.uses.values():
            for seconds, max_requests, max_tokens in (
                (HOUR, self.limits.requests_per_hour, self.limits.tokens_per_hour),
                (DAY, self.limits.requests_per_day, self.limits.tokens_per_day),
            ):
                used = [(r, t) for at, r, t in use.settled if at > self.now - seconds]
                requests = sum(r for r, _ in used) + len(use.running)
                tokens = sum(t for _, t in used) + sum(reservation.tokens for reservation in use.running)
                assert not max_requests or requests <= max_requests
                assert not max_tokens or tokens <= max_tokens
            assert not self.limits.requests_at_once or use.at_once <= self.limits.requests_at_once


TestBudgets = BudgetMachine.TestCase
TestBudgets.settings = settings(max_examples=100, stateful_step_count=40)


def refuse(budgets: Budgets, user: str = "ada", tokens: int = 1, now: float = 0.0) -> RateLimited:
    with pytest.raises(RateLimited) as caught:
        budgets.reserve(user, tokens, now)
    return caught.value


def test_a_refusal_names_the_limit_what_is_used_and_when_to_come_back() -> None:
    budgets = Budgets(UserLimits(requests_per_hour=2, tokens_per_hour=1000))
    for tokens in (300, 500):
        budgets.settle(budgets.reserve("ada", 500, 0.0), requests=1, tokens=tokens, now=0.0)
    error = refuse(budgets)
    assert str(error) == (
        "A user has 2 requests for each hour (SIDECAR_USER_REQUESTS_PER_HOUR): 2 are used. Come back in 63 min."
    )
    assert error.retry_after == 3750


def test_tokens_that_are_set_aside_are_named() -> None:
    budgets = Budgets(UserLimits(tokens_per_day=1000))
    budgets.settle(budgets.reserve("ada", 500, 0.0), requests=1, tokens=300, now=0.0)
    budgets.reserve("ada", 500, 0.0)
    error = refuse(budgets, tokens=400)
    assert str(error) == (
        "A user has 1000 tokens for each day (SIDECAR_USER_TOKENS_PER_DAY): 300 are used, 500 are set aside for what "
        "is running, this request may take 400. Come back in 25 h."
    )


def test_where_only_what_is_running_is_in_the_way_it_is_a_matter_of_seconds() -> None:
    budgets = Budgets(UserLimits(requests_per_hour=1))
    reservation = budgets.reserve("ada", 10, 0.0)
    error = refuse(budgets)
    assert error.retry_after == 5
    assert str(error).endswith("0 are used, 1 are set aside for what is running. Come back in 5 s.")
    budgets.settle(reservation, requests=0, tokens=0, now=1.0)
    budgets.reserve("ada", 10, 1.0)


def test_a_burst_gets_exactly_the_budget() -> None:
    budgets = Budgets(UserLimits(tokens_per_hour=1000))
    admitted = 0
    for _ in range(200):
        try:
            budgets.reserve("ada", 90, 0.0)
        except RateLimited:
            continue
        admitted += 1
    assert admitted == 11


def test_what_alone_is_more_than_a_limit_is_too_large_because_waiting_does_not_help() -> None:
    budgets = Budgets(UserLimits(tokens_per_hour=1000))
    with pytest.raises(TooLarge, match=r"1001 tokens.*1000 for each hour \(SIDECAR_USER_TOKENS_PER_HOUR\)"):
        budgets.reserve("ada", 1001, 0.0)


def test_what_costs_more_than_was_set_aside_is_booked_all_the_same() -> None:
    budgets = Budgets(UserLimits(tokens_per_hour=100))
    budgets.settle(budgets.reserve("ada", 10, 0.0), requests=1, tokens=150, now=0.0)
    assert "150 are used" in str(refuse(budgets))


def test_the_fifth_at_once_is_refused_and_named_until_one_has_ended() -> None:
    budgets = Budgets(UserLimits(requests_at_once=4))
    assert budgets.has_limits
    reservations = [budgets.reserve("ada", 10, 0.0) for _ in range(4)]
    error = refuse(budgets)
    assert error.retry_after == 5
    assert str(error) == (
        "A user has 4 requests at once (SIDECAR_USER_REQUESTS_AT_ONCE), and as many are running. Come back in 5 s."
    )
    budgets.reserve("bob", 10, 0.0)
    budgets.settle(reservations[0], requests=1, tokens=10, now=0.0)
    budgets.reserve("ada", 10, 0.0)


def test_users_do_not_pay_for_each_other() -> None:
    budgets = Budgets(UserLimits(requests_per_hour=1))
    budgets.reserve("ada", 1, 0.0)
    budgets.reserve("bob", 1, 0.0)
    refuse(budgets)


def test_accounts_are_bounded_and_the_one_that_was_idle_for_the_longest_time_begins_anew() -> None:
    budgets = Budgets(UserLimits(requests_per_day=1), max_users=3)
    for number, user in enumerate(("ada", "bob", "cleo")):
        reservation = budgets.reserve(user, 1, float(number))
        if user != "ada":  # who is still running keeps the account
            budgets.settle(reservation, requests=1, tokens=1, now=float(number))
    for number in range(50):
        budgets.settle(budgets.reserve(f"user {number}", 1, 10.0), requests=1, tokens=1, now=10.0)
        assert len(budgets) == 3
    refuse(budgets, "ada", now=20.0)
    budgets.reserve("bob", 1, 20.0)


def test_where_everybody_is_running_nobody_loses_the_account() -> None:
    budgets = Budgets(UserLimits(requests_per_day=1), max_users=1)
    budgets.reserve("ada", 1, 0.0)
    budgets.reserve("bob", 1, 0.0)
    refuse(budgets, "ada")
    refuse(budgets, "bob")


def test_without_limits_there_are_none() -> None:
    assert not Budgets(UserLimits()).has_limits
    assert Budgets(UserLimits(tokens_per_day=1)).has_limits
