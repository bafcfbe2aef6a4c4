from collections.abc import AsyncGenerator, Callable

import anyio
import pytest
from msgspec.structs import replace

from sidecar.errors import SidecarError, UpstreamError, UpstreamRateLimited
from sidecar.providers import Finish, Piece, Text
from sidecar.providers.clocks import Clocks, Phase
from sidecar.providers.resilience import Backoff, TryAgain, retry
from sidecar.providers.retry_budget import RetryBudget
from tests.providers.asking import PATIENT, QUICK

pytestmark = pytest.mark.anyio

Step = Exception | Text | Finish


def attempts(*tries: list[Step]) -> tuple[Callable[[], AsyncGenerator[Piece, None]], list[float]]:
    """Return an attempt that goes as these say, one after the other, and the times at which each began."""
    times: list[float] = []

    async def attempt() -> AsyncGenerator[Piece, None]:
        times.append(anyio.current_time())
        for step in tries[len(times) - 1]:
            if isinstance(step, Exception):
                raise step
            yield step

    return attempt, times


async def collect(
    attempt: Callable[[], AsyncGenerator[Piece, None]], clocks: Clocks | None = None, backoff: Backoff = QUICK
) -> list[Piece]:
    return [piece async for piece in retry(attempt, clocks or Clocks(PATIENT), backoff=backoff, budget=RetryBudget())]


def again(retry_after: float | None = None) -> TryAgain:
    return TryAgain(UpstreamError("busy", retry_after=retry_after))


GOOD: list[Step] = [Text("a"), Finish("stop")]


async def test_the_first_try_that_works_is_taken() -> None:
    attempt, times = attempts([again()], [again()], GOOD)
    assert await collect(attempt) == GOOD
    assert len(times) == 3


async def test_after_two_more_it_is_given_up_with_the_last_error() -> None:
    attempt, times = attempts(
        [again()], [again()], [TryAgain(UpstreamRateLimited("slow down", retry_after=0.001))], GOOD
    )
    with pytest.raises(UpstreamRateLimited) as caught:
        await collect(attempt)
    assert caught.value.retry_after == 0.001
    assert len(times) == 3


async def test_other_errors_are_not_tried_again() -> None:
    attempt, times = attempts([UpstreamError("no")], GOOD)
    with pytest.raises(UpstreamError):
        await collect(attempt)
    assert len(times) == 1


async def test_once_there_is_content_nothing_is() -> None:
    clocks = Clocks(PATIENT)

    async def attempt() -> AsyncGenerator[Piece, None]:
        clocks.enter(Phase.NEXT_TOKEN)
        yield Text("a")
        raise again()

    pieces = retry(attempt, clocks, backoff=QUICK, budget=RetryBudget())
    assert await anext(pieces) == Text("a")
    with pytest.raises(UpstreamError, match="busy"):
        await anext(pieces)


class TestPauses:
    async def test_each_tries_own_wish_is_granted(self) -> None:
        attempt, times = attempts([again(0.05)], [again(0.4)], GOOD)
        await collect(attempt)
        assert times[1] - times[0] >= 0.04  # uvloop rounds to milliseconds
        assert times[2] - times[1] >= 0.39

    async def test_up_to_ten_seconds(self) -> None:
        attempt, times = attempts([again(10.1)], GOOD)
        with pytest.raises(UpstreamError) as caught:
            await collect(attempt, Clocks(replace(PATIENT, first_token_seconds=100, total_seconds=100)))
        assert caught.value.retry_after == 10.1
        assert len(times) == 1

    @pytest.mark.parametrize("clock", ["first_token_seconds", "total_seconds"])
    async def test_none_that_ends_after_the_time_of_the_request(self, clock: str) -> None:
        attempt, times = attempts([again(4.0)], GOOD)
        with anyio.fail_after(2), pytest.raises(SidecarError):
            await collect(attempt, Clocks(replace(PATIENT, **{clock: 3.0})))
        assert len(times) == 1

    def test_they_double_up_to_a_bound_and_differ(self) -> None:
        backoff = Backoff()
        for failures, seconds in ((1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (9, 4.0)):
            pauses = [backoff.pause(failures) for _ in range(100)]
            assert seconds <= min(pauses) < max(pauses) <= seconds * 1.5
