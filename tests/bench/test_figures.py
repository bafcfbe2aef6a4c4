"""bench/figures.py and the verdict of a row."""

import json
import math

import pytest

from bench.figures import is_calibrated, is_missed, percentile, ratios, short, slope
from bench.report import Report, Row


def row(values: list[float], *, doubts: tuple[str, ...] = (), failures: tuple[str, ...] = ()) -> Row:
    return Row(name="G0", what="a figure", values=values, goal=2.0, doubts=doubts, failures=failures)


def test_a_percentile_is_a_value_that_was_seen() -> None:
    values = list(range(100, 0, -1))
    assert percentile(values, 0.5) == 51
    assert percentile(values, 0.99) == 100
    assert percentile(values, 1.0) == 100
    assert percentile([7], 0.5) == 7
    assert math.isnan(percentile([], 0.5))


def test_a_round_whose_denominator_says_nothing_is_left_out() -> None:
    assert ratios([4.0, 5.0, 6.0], [2.0, 0.0, 3.0]) == [2.0, 2.0]
    with pytest.raises(ValueError, match="longer"):
        ratios([1.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("same", "expected"), [([1.0], True), ([0.85, 1.18, 5.0], True), ([0.5, 0.84], False), ([1.19], False), ([], False)]
)
def test_a_machine_on_which_a_program_differs_from_itself_is_not_calibrated(same: list[float], expected: bool) -> None:
    assert is_calibrated(same) is expected


def test_the_slope_is_that_of_the_line_through_the_points() -> None:
    assert slope([(x, 5.0 + 3.0 * x) for x in range(10)]) == pytest.approx(3.0)
    assert slope([(0, 1.0), (1, 0.0), (2, 0.0), (3, 1.0)]) == pytest.approx(0.0)
    assert slope([(4, 1.0), (4, 9.0)]) == 0.0


def test_a_goal_is_missed_by_the_median_and_five_rounds_of_seven() -> None:
    assert is_missed([3.0] * 5 + [1.0] * 2, 2.0)
    assert not is_missed([3.0] * 4 + [1.0] * 3, 2.0)
    assert not is_missed([1.0] * 4 + [9.0] * 3, 2.0)
    assert not is_missed([2.0], 2.0)


@pytest.mark.parametrize(
    ("judged", "verdict"),
    [
        (row([1.0, 2.0]), "reached"),
        (row([3.0, 3.0]), "not reached"),
        (row([1.0, 2.1, 2.1]), "close"),
        (row([1.0], failures=("an error",)), "not reached"),
        (row([9.0], doubts=("a busy machine",)), "INVALID"),
        (row([]), "INVALID"),
    ],
)
def test_a_verdict_follows_from_values_failures_and_doubts(judged: Row, verdict: str) -> None:
    assert judged.verdict == verdict


def test_a_report_shows_every_row_and_says_what_the_gate_does() -> None:
    good, bad, unsure = row([1.0]), row([3.0], failures=("an error",)), row([1.0], doubts=("a busy machine",))
    report = Report(rows=[good, bad, unsure], seconds=1.0)
    shown = report.render()
    assert "1 x (1 .. 1)" in shown
    assert "an error" in shown
    assert "doubt: a busy machine" in shown
    assert report.gate_status == 1
    assert Report(rows=[good, unsure], seconds=1.0).gate_status == 2
    assert Report(rows=[good], seconds=1.0).gate_status == 0
    assert json.loads(json.dumps(report.as_json()))["rows"][1]["verdict"] == "not reached"


def test_numbers_are_short() -> None:
    assert [short(value) for value in (1234.5, 12.345, 0.012345, 2.0)] == ["1234", "12.3", "0.0123", "2"]
