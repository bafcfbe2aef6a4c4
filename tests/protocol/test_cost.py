"""What is made to be slow or large is refused quickly, in little memory and on a small stack."""

import threading
import time
import tracemalloc
from collections.abc import Callable
from functools import partial

import pytest

from protocol.codec import decode_addressee, decode_reply
from protocol.errors import BadMessage
from tests.protocol.outcomes import outcome
from tests.protocol.vectors import BadRequest, expand, load

# Twenty times what is asked for (5 and 10 ms): machines differ, and exponents show all the same.
_DIGITS_SECONDS = 0.1
_NESTING_SECONDS = 0.2


def _bad(row: str) -> list[BadRequest]:
    return [vector for vector in load("requests/bad.json", BadRequest) if row in vector.row]


def _seconds(work: Callable[[], object]) -> float:
    """Return the best of three: the others measure the machine."""
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


@pytest.mark.parametrize(("row", "most"), [("C31", _DIGITS_SECONDS), ("C32", _NESTING_SECONDS)])
def test_what_is_made_to_be_slow_is_refused_quickly(row: str, most: float) -> None:
    assert _bad(row)
    for vector in _bad(row):
        payload = expand(vector.payload)
        assert _seconds(partial(outcome, payload)) < most, vector.name
        assert _seconds(partial(decode_addressee, payload)) < most, vector.name


def test_deep_nesting_is_refused_on_a_small_stack() -> None:
    errors: list[object] = []

    def decode() -> None:
        for vector in _bad("C32"):
            payload = expand(vector.payload)
            errors.append(outcome(payload))
            decode_addressee(payload)
            with pytest.raises(BadMessage):
                decode_reply(payload)

    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=decode)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert len(errors) == len(_bad("C32"))
    assert all(isinstance(error, BadMessage) for error in errors)


@pytest.mark.parametrize("vector", _bad("C34") + _bad("C33"), ids=lambda vector: vector.name)
def test_many_tiny_values_take_less_than_three_times_their_bytes(vector: BadRequest) -> None:
    payload = expand(vector.payload)
    tracemalloc.start()
    try:
        outcome(payload)
        decode_addressee(payload)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < max(3 * len(payload), 65536)
