"""Outages of ten minutes and what becomes of the requests meanwhile, on a clock that jumps. The ids are rows of the
failure matrix.

All of it is the real code but the connections: a provider that is asked by a function call answers as its weather is.
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import cast

import anyio
import pytest
from msgspec.structs import asdict
from trio.testing import MockClock

from sidecar.errors import SidecarError, UpstreamConnect
from sidecar.providers.clocks import Clocks, Phase
from sidecar.providers.endpoint import Endpoint
from sidecar.providers.http_client import HttpClient
from sidecar.providers.openai import OpenAIDialect
from sidecar.providers.resilience import Backoff, TryAgain
from sidecar.providers.route import Route
from sidecar.secret import Secret
from sidecar.settings import OPTIONS, Timeouts
from tests.providers.asking import PROMPT
from tests.providers.scripted import good

TIMEOUTS = Timeouts(connect_seconds=5.0, first_token_seconds=120.0, idle_seconds=30.0, total_seconds=600.0)
OUTAGE_SECONDS = 600.0

Weather = Callable[[float], Awaitable[int]]
"""From the seconds since the start to a status; it may take its time, or raise."""


@dataclass
class _Answer:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = good("ok")

    async def read(self, _clocks: Clocks | None = None) -> bytes:
        body, self.body = self.body, b""
        return body


class _Provider:
    """Stands where the client of HTTP does, and notes when it was asked."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather
        self._began = anyio.current_time()
        self.asked: list[float] = []

    @property
    def now(self) -> float:
        return anyio.current_time() - self._began

    @asynccontextmanager
    async def post(
        self, endpoint: Endpoint, key: Secret | None, content: bytes, clocks: Clocks, may_send_again: Callable[[], bool]
    ) -> AsyncIterator[_Answer]:
        self.asked.append(self.now)
        clocks.enter(Phase.FIRST_TOKEN)
        with clocks.running():
            status = await self._weather(self.now)
        yield _Answer(status)


@dataclass
class Outcome:
    """One request: when it was made, how long it took, and how it ended: `stop`, or the code of an error."""

    at: float
    seconds: float
    end: str


@dataclass
class Course:
    """What was seen: of the requests in the order of their ends, and when the provider was asked."""

    outcomes: list[Outcome]
    asked: list[float]


def run(weather: Weather, *, per_second: float, seconds: float) -> Course:
    """Make requests at an even pace for so long, and return what became of them."""

    async def main() -> Course:
        provider = _Provider(weather)
        route = Route(
            OpenAIDialect(),
            Endpoint("https://provider.example", is_loopback=False),
            [Secret("sk-canary-0123456789")],
            label="openai/m",
            client=cast(HttpClient, provider),
            mask=str,
            backoff=Backoff(),
        )
        outcomes: list[Outcome] = []

        async def ask() -> None:
            began, end = provider.now, ""
            try:
                async for piece in route.ask(PROMPT, Clocks(TIMEOUTS)):
                    end = getattr(piece, "reason", end)
            except SidecarError as exc:
                end = exc.code
            outcomes.append(Outcome(began, provider.now - began, end))

        async with anyio.create_task_group() as tasks:
            for _ in range(int(seconds * per_second)):
                tasks.start_soon(ask)
                await anyio.sleep(1 / per_second)
        return Course(outcomes, provider.asked)

    return anyio.run(main, backend="trio", backend_options={"clock": MockClock(autojump_threshold=0)})


async def refused() -> int:
    raise TryAgain(UpstreamConnect("The provider could not be reached."))


async def silent() -> int:
    await anyio.sleep_forever()
    raise AssertionError


async def failing() -> int:
    return 503


async def limited() -> int:
    return 429


def out_for_ten_minutes(sort: Callable[[], Awaitable[int]]) -> Weather:
    async def weather(now: float) -> int:
        if now < OUTAGE_SECONDS:
            return await sort()
        await anyio.sleep(0.2)
        return 200

    return weather


def test_u33_a_limit_for_everybody_opens_the_breaker_and_a_probe_a_second_goes_through() -> None:
    course = run(out_for_ten_minutes(limited), per_second=20, seconds=60)
    assert {outcome.end for outcome in course.outcomes} == {"upstream_rate_limited"}
    first = [at for at in course.asked if at < 5]
    assert len(first) <= 20 + 6
    later = [at for at in course.asked if at >= 5]
    assert 40 <= len(later) <= 56
    assert all(after - before >= 0.99 for before, after in pairwise(later))
    refused_here = [outcome for outcome in course.outcomes if outcome.at >= 5 and outcome.seconds == 0.0]
    assert len(refused_here) > 900


@pytest.mark.parametrize("sort", [refused, silent, failing, limited])
def test_u59_five_seconds_after_the_end_of_an_outage_of_ten_minutes_all_is_well(
    sort: Callable[[], Awaitable[int]],
) -> None:
    course = run(out_for_ten_minutes(sort), per_second=2, seconds=OUTAGE_SECONDS + 30)
    first = min(outcome.at + outcome.seconds for outcome in course.outcomes if outcome.end == "stop")
    assert OUTAGE_SECONDS <= first <= OUTAGE_SECONDS + 5
    assert all(outcome.end == "stop" for outcome in course.outcomes if outcome.at > OUTAGE_SECONDS + 5)
    # For most of the outage it was left alone.
    assert len(course.asked) < 0.75 * 2 * (OUTAGE_SECONDS + 30)


def test_u59_also_where_somebody_asks_only_now_and_then() -> None:
    course = run(out_for_ten_minutes(refused), per_second=0.2, seconds=OUTAGE_SECONDS + 30)
    assert all(outcome.end == "stop" for outcome in course.outcomes if outcome.at >= OUTAGE_SECONDS)


def test_u60_in_a_brown_out_the_tries_are_a_tenth_more_than_the_requests() -> None:
    chance = random.Random(7)

    async def brown_out(now: float) -> int:
        await anyio.sleep(2.0)
        return 503 if chance.random() < 0.3 else 200

    course = run(brown_out, per_second=5, seconds=OUTAGE_SECONDS)
    requests = len(course.outcomes)
    assert requests == 3000
    assert len(course.asked) <= 1.1 * requests + 10
    # Of the 30 in 100 that fail at first, the tries that there are save some.
    assert sum(outcome.end == "stop" for outcome in course.outcomes) > 0.75 * requests


def test_a_first_token_that_does_not_come_is_never_waited_for_twice() -> None:
    async def mute(now: float) -> int:
        return await silent()

    course = run(mute, per_second=0.001, seconds=1000)
    (outcome,) = course.outcomes
    assert (outcome.end, outcome.seconds, course.asked) == ("timeout_first_token", 120.0, [0.0])


def test_the_times_here_are_those_of_a_fresh_installation() -> None:
    defaults = {option.field: option.default for option in OPTIONS if option.field.startswith("timeouts.")}
    assert defaults == {f"timeouts.{name}": f"{seconds:g}" for name, seconds in asdict(TIMEOUTS).items()}
