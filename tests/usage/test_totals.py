from hypothesis import given
from hypothesis import strategies as st

from sidecar.usage.totals import OTHERS, Totals

added = st.lists(st.tuples(st.sampled_from(["a", "b", "c", "d", "e", "", OTHERS]), st.integers(0, 9)), max_size=50)


@given(st.integers(1, 4), added)
def test_nothing_is_lost_and_there_are_never_more_labels_than_may_be(
    max_labels: int, added: list[tuple[str, int]]
) -> None:
    totals = Totals(max_labels)
    for label, amount in added:
        totals.add(label, 1, amount)
        assert len(dict(totals)) <= max_labels + 1
    sums = dict(totals)
    assert sum(count for count, _ in sums.values()) == len(added)
    assert sum(amount for _, amount in sums.values()) == sum(amount for _, amount in added)


def test_the_one_that_was_not_used_for_the_longest_time_is_counted_with_the_others() -> None:
    totals = Totals(2)
    for label in ("a", "b", "a", "c"):
        totals.add(label, 1)
    assert dict(totals) == {"a": [2], "c": [1], OTHERS: [1]}
