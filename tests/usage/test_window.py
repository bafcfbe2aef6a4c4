import math

from hypothesis import given
from hypothesis import strategies as st

from sidecar.usage.window import Window

HOUR = 3600.0
PIECE = HOUR / 24

moments = st.floats(-1e6, 1e6)
steps = st.lists(st.tuples(st.floats(0, 2 * HOUR), st.integers(0, 1000)), max_size=30)


@given(moments, steps, st.floats(0, 2 * HOUR))
def test_it_counts_all_of_the_last_hour_and_at_most_one_piece_more(
    began: float, steps: list[tuple[float, int]], pause: float
) -> None:
    window, now, booked = Window(HOUR), began, []
    for seconds, amount in steps:
        now += seconds
        window.add(amount, now)
        booked.append((now, amount))
    now += pause
    within = sum(amount for at, amount in booked if at > now - HOUR)
    nearly = sum(amount for at, amount in booked if at > now - HOUR - PIECE - 1e-3)
    assert within <= window.used(now) <= nearly


@given(moments, steps, st.integers(1, 5000))
def test_what_is_free_later_is_free_then_and_not_before(
    began: float, steps: list[tuple[float, int]], amount: int
) -> None:
    window, now = Window(HOUR), began
    for seconds, booked in steps:
        now += seconds
        window.add(booked, now)
    used = window.used(now)
    seconds = window.seconds_until_free(amount, now)
    if amount > used:
        assert seconds == math.inf
        return
    assert 0 <= seconds <= HOUR + PIECE + 1e-3
    if seconds > 1e-2:
        assert used - window.used(now + seconds - 1e-2) < amount
    assert used - window.used(now + seconds + 1e-3) >= amount


def test_what_was_used_earlier_can_be_booked_later_and_what_is_over_does_not_count() -> None:
    window = Window(HOUR)
    window.add(1, 0.0)
    window.add(10, -HOUR / 2)
    window.add(100, -2 * HOUR)
    assert window.used(0.0) == 11
    assert window.used(HOUR / 2 + 2 * PIECE) == 1
