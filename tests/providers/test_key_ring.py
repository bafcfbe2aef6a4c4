from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import (
    Overloaded,
    SidecarError,
    TimeoutFirstToken,
    UpstreamAuth,
    UpstreamBadRequest,
    UpstreamError,
    UpstreamRateLimited,
)
from sidecar.providers.key_ring import KeyRing, Turn
from sidecar.secret import Secret

REFUSED, LIMITED, BUSY = UpstreamAuth("no"), UpstreamRateLimited("slow down"), UpstreamError("busy")


@dataclass
class Rig:
    """Keys with a clock that is set by hand, and what was said of their breakers."""

    count: int
    now: float = 1000.0
    changes: list[tuple[int, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        keys = [Secret(f"key-{number}") for number in range(1, self.count + 1)]
        self.ring = KeyRing(keys, lambda: self.now, lambda number, is_open: self.changes.append((number, is_open)))

    def take(self) -> Turn:
        turn = self.ring.take()
        assert turn.secret == Secret(f"key-{turn.number}")
        return turn

    def taken(self, count: int) -> list[int]:
        return [self.take().number for _ in range(count)]

    def is_ready(self) -> bool:
        return self.ring.is_ready

    def end(self, error: SidecarError) -> bool:
        """Take a turn that ends with this error, and return whether another key may do better."""
        turn = self.take()
        turn.fail(error)
        return self.ring.rest(turn, error)


def test_they_take_turns() -> None:
    assert Rig(3).taken(7) == [1, 2, 3, 1, 2, 3, 1]


def test_a_provider_may_want_none() -> None:
    ring = KeyRing([None], lambda: 0.0, lambda number, is_open: None)
    assert ring.take().secret is None


@pytest.mark.parametrize("error", [REFUSED, LIMITED])
def test_one_that_was_refused_or_limited_rests_for_a_minute(error: SidecarError) -> None:
    rig = Rig(3)
    assert rig.end(error)
    assert rig.taken(4) == [2, 3, 2, 3]
    rig.now += 59.9
    assert 1 not in rig.taken(4)
    rig.now += 0.1
    assert sorted(rig.taken(3)) == [1, 2, 3]


@pytest.mark.parametrize("error", [BUSY, TimeoutFirstToken("slow"), UpstreamBadRequest("bad")])
def test_for_another_error_no_key_rests(error: SidecarError) -> None:
    rig = Rig(2)
    assert not rig.end(error)
    assert rig.taken(2) == [2, 1]


def test_when_all_rest_the_one_that_is_ready_first_is_taken() -> None:
    rig = Rig(2)
    assert rig.end(REFUSED)
    rig.now += 10
    assert not rig.end(REFUSED)  # nobody is left who may do better
    assert rig.taken(3) == [1, 1, 1]


def test_a_key_that_was_refused_makes_nobody_ready_until_it_is_taken_or_a_minute_is_over() -> None:
    rig = Rig(1)
    rig.end(REFUSED)
    assert not rig.is_ready()
    assert rig.taken(1) == [1]  # it is used all the same
    rig.now += 60
    assert rig.is_ready()
    rig.end(REFUSED)
    assert not rig.is_ready()
    rig.take().succeed()
    assert rig.is_ready()


def test_while_another_key_is_taken_they_are_ready() -> None:
    rig = Rig(2)
    rig.end(REFUSED)
    assert rig.ring.is_ready
    rig.end(REFUSED)
    assert not rig.ring.is_ready


def test_one_alone_never_rests() -> None:
    rig = Rig(1)
    for _ in range(100):
        assert not rig.end(REFUSED)
        assert rig.taken(1) == [1]


class TestBreakers:
    def test_each_key_has_its_own(self) -> None:
        rig = Rig(2)
        for _ in range(20):
            first, second = rig.take(), rig.take()
            first.fail(BUSY)
            second.succeed()
        assert rig.changes == [(1, True)]
        assert rig.ring.is_ready
        assert rig.taken(3) == [2, 2, 2]

    @pytest.mark.parametrize("error", [BUSY, LIMITED, TimeoutFirstToken("slow")])
    def test_when_all_are_open_the_error_is_of_the_kind_that_opened_them(self, error: SidecarError) -> None:
        rig = Rig(1)
        for _ in range(20):
            rig.end(error)
        assert not rig.ring.is_ready
        with pytest.raises(type(error), match=str(error)) as caught:
            rig.ring.take()
        assert caught.value.retry_after == 5.0

    def test_a_longer_pause_that_the_provider_wants_is_passed_on(self) -> None:
        rig = Rig(1)
        for _ in range(20):
            rig.end(UpstreamRateLimited("slow down", retry_after=77.0))
        with pytest.raises(UpstreamRateLimited) as caught:
            rig.ring.take()
        assert caught.value.retry_after == 77.0

    @pytest.mark.parametrize("error", [UpstreamBadRequest("bad"), Overloaded("full"), SidecarError("bug")])
    def test_what_says_nothing_about_the_providers_health_opens_none(self, error: SidecarError) -> None:
        rig = Rig(1)
        for _ in range(100):
            rig.end(error)
        assert rig.ring.is_ready

    def test_a_turn_that_is_abandoned_opens_none(self) -> None:
        rig = Rig(1)
        for _ in range(100):
            rig.take().abandon()
        assert rig.ring.is_ready

    def test_a_key_with_an_open_one_is_no_help_to_another(self) -> None:
        rig = Rig(2)
        for _ in range(20):
            rig.take().fail(BUSY)
            rig.take().succeed()
        turn = rig.take()
        assert turn.number == 2
        turn.fail(LIMITED)
        assert not rig.ring.rest(turn, LIMITED)


class TestLimitsThatAreUsedUp:
    def test_another_key_is_taken_meanwhile(self) -> None:
        rig = Rig(2)
        rig.take().spend(30)
        assert rig.taken(3) == [2, 2, 2]
        rig.now += 30
        assert sorted(rig.taken(2)) == [1, 2]

    def test_one_alone_waits_for_a_moment_and_not_for_long(self) -> None:
        rig = Rig(1)
        rig.take().spend(1.5)
        assert rig.take().wait_seconds == 1.5
        rig.now += 1
        assert rig.take().wait_seconds == 0.5
        rig.now += 1
        assert rig.take().wait_seconds == 0.0
        rig.take().spend(50)
        assert rig.take().wait_seconds == 0.0


@given(st.integers(1, 4), st.lists(st.tuples(st.sampled_from([REFUSED, LIMITED, BUSY, None]), st.floats(0, 90))))
def test_whatever_comes_a_key_is_taken_or_a_breaker_is_open(
    count: int, steps: list[tuple[SidecarError | None, float]]
) -> None:
    rig = Rig(count)
    for error, pause in steps:
        rig.now += pause
        try:
            turn = rig.take()
        except SidecarError:
            assert not rig.ring.is_ready
            continue
        if error is None:
            turn.succeed()
        else:
            turn.fail(error)
            rig.ring.rest(turn, error)
