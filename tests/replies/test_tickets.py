import re

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from sidecar.errors import NotFound, Overloaded
from sidecar.replies import Grant, TicketLimits, TicketStore

GRANT = Grant("r_1", 3)


def test_a_ticket_opens_what_it_was_given_for_and_only_once() -> None:
    store = TicketStore(TicketLimits())
    first, second = store.issue(GRANT, 0.0), store.issue(Grant("r_2", 0), 0.0)
    assert store.redeem(second, 1.0) == Grant("r_2", 0)
    assert store.redeem(first, 1.0) == GRANT
    for ticket in (first, second):
        with pytest.raises(NotFound):
            store.redeem(ticket, 1.0)


def test_a_ticket_is_over_after_its_time() -> None:
    store = TicketStore(TicketLimits(ticket_seconds=30))
    early, late = store.issue(GRANT, 0.0), store.issue(GRANT, 0.0)
    assert store.redeem(early, 29.9) == GRANT
    with pytest.raises(NotFound):
        store.redeem(late, 30.0)


def test_a_ticket_cannot_be_guessed_and_fits_into_a_path() -> None:
    store = TicketStore(TicketLimits())
    tickets = {store.issue(GRANT, 0.0) for _ in range(100)}
    assert len(tickets) == 100
    # 32 characters of 6 bits.
    assert all(re.fullmatch(r"t_[A-Za-z0-9_-]{32}", ticket) for ticket in tickets)


def test_no_more_than_so_many_are_given_until_one_is_used_or_over() -> None:
    store = TicketStore(TicketLimits(max_tickets=2, ticket_seconds=30))
    first = store.issue(GRANT, 0.0)
    store.issue(GRANT, 10.0)
    with pytest.raises(Overloaded) as caught:
        store.issue(GRANT, 20.0)
    assert caught.value.retry_after == 10.0
    store.redeem(first, 20.0)
    store.issue(GRANT, 20.0)
    with pytest.raises(Overloaded):
        store.make_room(39.9)
    store.make_room(40.0)
    assert len(store) == 1


class TicketMachine(RuleBasedStateMachine):
    """Whatever is done in whatever order: a ticket opens its own reply, once, in its time, and there are never many."""

    tickets = Bundle("tickets")

    def __init__(self) -> None:
        super().__init__()
        self.limits = TicketLimits(max_tickets=4, ticket_seconds=10)
        self.store = TicketStore(self.limits)
        self.now = 0.0
        self.good: dict[str, tuple[float, Grant]] = {}
        """The model: what can still be used, and until when."""

    def _is_good(self, ticket: str) -> bool:
        return ticket in self.good and self.now < self.good[ticket][0]

    @rule(target=tickets, reply=st.sampled_from(["r_1", "r_2"]), after=st.integers(0, 9))
    def issue(self, reply: str, after: int) -> str:
        usable = sum(self._is_good(ticket) for ticket in self.good)
        if usable == self.limits.max_tickets:
            with pytest.raises(Overloaded) as caught:
                self.store.issue(Grant(reply, after), self.now)
            assert caught.value.retry_after is not None
            assert 0 < caught.value.retry_after <= self.limits.ticket_seconds
            return "t_none"
        ticket = self.store.issue(Grant(reply, after), self.now)
        assert ticket not in self.good
        self.good[ticket] = (self.now + self.limits.ticket_seconds, Grant(reply, after))
        return ticket

    @rule(seconds=st.sampled_from([0.0, 0.5, 4.0, 10.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(ticket=consumes(tickets))
    def use_the_last_time(self, ticket: str) -> None:
        self.use(ticket)

    @rule(ticket=tickets)
    def use_again_perhaps(self, ticket: str) -> None:
        self.use(ticket)

    def use(self, ticket: str) -> None:
        expected = self.good[ticket][1] if self._is_good(ticket) else None
        self.good.pop(ticket, None)
        try:
            assert self.store.redeem(ticket, self.now) == expected
        except NotFound:
            assert expected is None

    @rule(ticket=st.text(max_size=5))
    def guess(self, ticket: str) -> None:
        with pytest.raises(NotFound):
            self.store.redeem(ticket, self.now)

    @invariant()
    def there_are_never_many(self) -> None:
        usable = sum(self._is_good(ticket) for ticket in self.good)
        assert usable <= len(self.store) <= self.limits.max_tickets


TestTickets = TicketMachine.TestCase
TestTickets.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
