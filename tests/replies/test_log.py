import sys
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.replies.log import ReplyLog
from sidecar.replies.store import REPLY_OVERHEAD_BYTES
from tests.replies.fakes import DONE

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4), max_size=20)


def log_of(deltas: list[str]) -> ReplyLog:
    log = ReplyLog()
    for delta in deltas:
        log.append(delta.encode())
    return log


@given(texts)
def test_every_part_of_it_is_the_deltas_that_were_appended(deltas: list[str]) -> None:
    log = log_of(deltas)
    assert log.last_seq == len(deltas)
    for until in range(len(deltas) + 1):
        assert log.text_until(until) == "".join(deltas[:until])
        for after in range(until + 1):
            assert log.batch(after, until) == deltas[after:until]


@given(texts)
def test_its_cost_grows_by_the_bytes_of_the_text_and_one_offset_for_each_delta(deltas: list[str]) -> None:
    costs = [len(delta.encode()) + 8 for delta in deltas]
    log = ReplyLog()
    for delta, cost in zip(deltas, accumulate(costs), strict=True):
        log.append(delta.encode())
        assert log.cost_bytes == cost
    assert log.text_bytes == sum(len(delta.encode()) for delta in deltas)


def test_what_it_costs_is_about_what_it_takes() -> None:
    log = log_of(["x"] * 100_000)
    parts = (part for part in vars(log).values() if part is not None)
    assert sum(map(sys.getsizeof, parts)) < 1.25 * (log.cost_bytes + REPLY_OVERHEAD_BYTES)


@pytest.mark.parametrize("size", [1, 4, 1000, 65_535, 65_536, 200_000])
def test_a_batch_is_bounded_in_bytes_and_in_deltas_and_the_next_goes_on(size: int) -> None:
    count = 1 + 300_000 // size
    log = log_of([chr(ord("a") + number % 26) * size for number in range(count)])
    batches: list[list[str]] = []
    seq = 0
    while seq < count:
        batches.append(log.batch(seq, count))
        seq += len(batches[-1])
    assert all(0 < len(batch) <= 1024 for batch in batches)
    assert all(sum(map(len, batch[:-1])) < 65_536 for batch in batches)
    assert len(batches) > 1
    assert "".join("".join(batch) for batch in batches) == log.text_until(count)


def test_it_takes_appends_while_its_text_is_in_use() -> None:
    log = log_of(["a", "b"])
    batch, text = log.batch(0, 2), log.text_until(2)
    log.append(b"c" * 10_000)
    assert (batch, text) == (["a", "b"], "ab")


def test_its_end_is_what_it_was_given() -> None:
    log = log_of(["a"])
    assert log.end is None
    log.finish(DONE)
    assert log.end is DONE
