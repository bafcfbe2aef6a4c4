from hypothesis import given
from hypothesis import strategies as st

from sidecar.providers.retry_budget import RetryBudget


def test_there_are_ten_at_the_start() -> None:
    budget = RetryBudget()
    assert [budget.spend() for _ in range(12)] == [True] * 10 + [False] * 2


def test_ten_requests_earn_one() -> None:
    budget = RetryBudget()
    while budget.spend():
        pass
    for _ in range(3):
        for _ in range(9):
            budget.earn()
            assert not budget.spend()
        budget.earn()
        assert budget.spend()


def test_no_more_than_ten_are_kept() -> None:
    budget = RetryBudget()
    for _ in range(1000):
        budget.earn()
    assert [budget.spend() for _ in range(11)] == [True] * 10 + [False]


@given(st.lists(st.booleans()))
def test_whatever_comes_they_are_ten_and_a_tenth_of_the_requests_at_most(is_request: list[bool]) -> None:
    budget, requests, spent = RetryBudget(), 0, 0
    for is_one in is_request:
        if is_one:
            budget.earn()
            requests += 1
        else:
            spent += budget.spend()
        assert spent <= 10 + requests / 10
