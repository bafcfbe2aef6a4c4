"""Sums by a label that can take any value: the latest have their own, all others share one. Pure."""

from collections import OrderedDict
from collections.abc import Iterator

OTHERS = "_others"


class Totals:
    """Sums of several amounts by label, at most `max_labels` of them and `OTHERS`; together they lose nothing."""

    def __init__(self, max_labels: int) -> None:
        self._max_labels = max_labels
        self._sums: OrderedDict[str, list[int]] = OrderedDict()
        self._others: list[int] = []

    def add(self, label: str, *amounts: int) -> None:
        """Add to the sums of a label. The one that was not added to for the longest time makes room for a new one."""
        if label == OTHERS:
            self._others = _sum(self._others, amounts)
            return
        self._sums[label] = _sum(self._sums.get(label, ()), amounts)
        self._sums.move_to_end(label)
        if len(self._sums) > self._max_labels:
            _, oldest = self._sums.popitem(last=False)
            self._others = _sum(self._others, oldest)

    def __iter__(self) -> Iterator[tuple[str, list[int]]]:
        """Give each label and its sums."""
        yield from self._sums.items()
        if self._others:
            yield OTHERS, self._others


def _sum(sums: "list[int] | tuple[()]", amounts: "list[int] | tuple[int, ...]") -> list[int]:
    return [a + b for a, b in zip(sums, amounts, strict=True)] if sums else list(amounts)
