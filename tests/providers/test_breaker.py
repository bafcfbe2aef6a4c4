from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.providers.breaker import Attempt, Breaker


@dataclass
class Rig:
    """A breaker with a clock that is set by hand, and what it said."""

    now: float = 1000.0
    changes: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.breaker = Breaker(lambda: self.now, self.changes.append)

    def is_open(self) -> bool:
        return self.breaker.is_open

    def admit(self) -> Attempt:
        attempt = self.breaker.admit()
        assert attempt is not None
        return attempt

    def note(self, *outcomes: bool) -> None:
        """Let these requests come to an end, each with a failure or not."""
        for has_failed in outcomes:
            attempt = self.admit()
            attempt.fail() if has_failed else attempt.succeed()

    def open(self) -> None:
        self.note(*[True] * 20)
        assert self.is_open()


@pytest.fixture
def rig() -> Rig:
    return Rig()


class TestOpening:
    def test_it_takes_twenty_outcomes(self, rig: Rig) -> None:
        rig.note(*[True] * 19)
        assert not rig.is_open()
        rig.note(True)
        assert rig.is_open()
        assert rig.changes == [True]

    def test_it_takes_half_of_them(self, rig: Rig) -> None:
        rig.note(*[False] * 11, *[True] * 10)
        assert not rig.is_open()
        rig.note(True)
        assert rig.is_open()

    def test_a_success_never_opens_it(self, rig: Rig) -> None:
        rig.note(*[True] * 19, False)
        assert not rig.is_open()

    def test_only_those_of_the_last_thirty_seconds_count(self, rig: Rig) -> None:
        rig.note(*[True] * 19)
        rig.now += 30
        rig.note(*[True] * 19)
        assert not rig.is_open()
        rig.now += 29
        rig.note(True)
        assert rig.is_open()

    def test_what_was_abandoned_is_no_outcome(self, rig: Rig) -> None:
        rig.note(*[True] * 19)
        rig.admit().abandon()
        assert not rig.is_open()

    def test_of_one_attempt_the_first_word_counts(self, rig: Rig) -> None:
        for _ in range(30):
            attempt = rig.admit()
            attempt.succeed()
            attempt.fail()
        assert not rig.is_open()


class TestProbes:
    def test_one_is_let_through_after_a_second_and_each_second_after_a_failure(self, rig: Rig) -> None:
        rig.open()
        for _ in range(3):
            assert rig.breaker.admit() is None
            rig.now += 0.99
            assert rig.breaker.admit() is None
            rig.now += 0.01
            probe = rig.admit()
            assert rig.breaker.admit() is None
            probe.fail()

    def test_a_success_closes_it_and_what_was_is_forgotten(self, rig: Rig) -> None:
        rig.open()
        rig.now += 1
        rig.admit().succeed()
        assert not rig.is_open()
        assert rig.changes == [True, False]
        rig.note(*[True] * 19)
        assert not rig.is_open()

    def test_one_that_hears_nothing_holds_the_next_up_for_four_seconds(self, rig: Rig) -> None:
        rig.open()
        rig.now += 1
        silent = rig.admit()
        rig.now += 3.9
        assert rig.breaker.admit() is None
        rig.now += 0.1
        rig.admit()
        silent.fail()  # it is late: the one after it is under way
        rig.now += 1
        assert rig.breaker.admit() is None
        rig.now += 3
        rig.admit()

    def test_a_late_success_closes_it_too(self, rig: Rig) -> None:
        rig.open()
        rig.now += 1
        slow = rig.admit()
        rig.now += 20
        rig.admit()
        slow.succeed()
        assert not rig.is_open()

    def test_one_that_was_abandoned_makes_room_for_the_next_at_once(self, rig: Rig) -> None:
        rig.open()
        rig.now += 1
        rig.admit().abandon()
        rig.admit()

    def test_an_outcome_after_it_has_closed_changes_nothing(self, rig: Rig) -> None:
        rig.open()
        rig.now += 1
        slow = rig.admit()
        rig.now += 5
        rig.admit().succeed()
        slow.fail()
        assert not rig.is_open()
        assert rig.changes == [True, False]


class TestLateOutcomes:
    @pytest.mark.parametrize("has_failed", [True, False])
    def test_of_requests_from_before_it_opened_nothing_is_heard(self, rig: Rig, has_failed: bool) -> None:
        late = rig.admit()
        rig.open()
        rig.now += 0.5
        late.fail() if has_failed else late.succeed()
        assert rig.is_open()
        rig.now += 0.5
        rig.admit()


class TestSilence:
    def test_when_nobody_has_asked_for_thirty_seconds_it_is_closed(self, rig: Rig) -> None:
        rig.open()
        rig.now += 29
        assert rig.is_open()
        rig.now += 1
        assert not rig.is_open()
        rig.note(*[True] * 19)
        assert not rig.is_open()
        rig.note(True)
        assert rig.is_open()

    def test_while_somebody_asks_it_stays_open(self, rig: Rig) -> None:
        rig.open()
        for _ in range(10):
            rig.now += 20
            rig.admit()
        assert rig.is_open()


@given(st.lists(st.tuples(st.floats(0, 12), st.integers(0, 3), st.integers(0, 4))))
def test_whatever_comes(steps: list[tuple[float, int, int]]) -> None:
    """While it is open one probe at most is let through at a time, and only failures open it."""
    rig = Rig()
    attempts: list[Attempt] = []
    for pause, step, which in steps:
        rig.now += pause
        was_open = rig.is_open()
        if step == 0:
            burst = [rig.breaker.admit() for _ in range(25)]
            let_through = [attempt for attempt in burst if attempt is not None]
            attempts += let_through
            if was_open:
                assert len(let_through) <= 1
            else:
                assert len(let_through) == 25
        else:
            for _ in range(20):
                if attempts:
                    attempt = attempts.pop(which % len(attempts))
                    (attempt.succeed, attempt.fail, attempt.abandon)[step - 1]()
        if rig.is_open() and not was_open:
            assert step == 2
    # It may have closed in silence between two times that it opened, but it says only once that it closed.
    assert (False, False) not in pairwise(rig.changes)
