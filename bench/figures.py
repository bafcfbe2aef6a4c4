"""The arithmetic: medians, percentiles, slopes, and what makes a run worthless."""

from collections.abc import Sequence
from statistics import fmean, median

# The same program measured twice in one run: further apart than this, the machine was too busy to compare anything.
CALIBRATION_RANGE = (0.85, 1.18)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` (0 to 1) of `values` do not exceed; not a number where there are none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Return the ratio of each round; rounds in which the denominator says nothing (0 or less) are left out."""
    return [above / below for above, below in zip(numerators, denominators, strict=True) if below > 0]


def is_calibrated(same: Sequence[float]) -> bool:
    """Say whether the ratios of a program to itself show a machine on which ratios mean something."""
    low, high = CALIBRATION_RANGE
    return bool(same) and low <= median(same) <= high


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return by how much y grows with each x, by least squares; 0 where x does not change."""
    middle_x, middle_y = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread if spread else 0.0


def is_missed(values: Sequence[float], goal: float) -> bool:
    """Say whether `values` are over `goal`: their median is, and so are five rounds of seven, or as large a share."""
    over = sum(value > goal for value in values)
    return median(values) > goal and over >= len(values) * 5 / 7


def short(value: float) -> str:
    """Write a number with three digits, or with all of those before the point."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
