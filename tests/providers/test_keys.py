"""Several keys of one provider, which take turns."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from sidecar.providers.remote import RemoteProvider
from tests.providers.asking import ask, opened
from tests.providers.faults import OK, Outcome, outcome
from tests.providers.scripted import (
    Asked,
    Script,
    ScriptedProvider,
    chunk,
    event,
    good,
    running,
    status,
    stream,
)

pytestmark = pytest.mark.anyio


OTHER_KEY = "sk-canary-of-the-other-provider"


@pytest.fixture
def keys(tmp_path: Path) -> str:
    """The path of a file with two keys."""
    path = tmp_path / "keys"
    path.write_text("sk-canary-first-key\n\nsk-canary-second-key\n")
    return str(path)


def opened_with(keys: str, url: str) -> AbstractAsyncContextManager[RemoteProvider]:
    return opened(url, OPENAI_API_KEY="", OPENAI_API_KEY_FILE=keys)


REFUSALS = {
    "refused": status(401),
    "forbidden": status(403),
    "limited": status(429),
    "used up": status(429, {"error": {"code": "insufficient_quota"}}),
}


def by_key(first: Script, second: Script) -> Script:
    return lambda asked: (first if "first" in asked.headers["authorization"] else second)(asked)


def which(server: ScriptedProvider) -> list[str]:
    return [asked.headers["authorization"].split("-")[2] for asked in server.asked]


class TestSeveralKeys:
    async def test_they_take_turns(self, keys: str) -> None:
        with running(OK) as server:
            async with opened_with(keys, server.url) as provider:
                for _ in range(4):
                    await ask(provider)
        assert which(server) == ["first", "second"] * 2

    @pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
    async def test_one_that_is_refused_or_limited_rests_and_the_other_answers_at_once(
        self, keys: str, refusal: Script
    ) -> None:
        with running(by_key(refusal, OK)) as server:
            async with opened_with(keys, server.url) as provider:
                for _ in range(3):
                    assert await outcome(provider) == Outcome("ok", "stop")
        assert which(server) == ["first", "second", "second", "second"]

    async def test_when_all_are_refused_the_request_is(self, keys: str) -> None:
        with running(status(401)) as server:
            async with opened_with(keys, server.url) as provider:
                for _ in range(2):
                    assert await outcome(provider) == Outcome("", "upstream_auth")
        assert which(server) == ["first", "second", "first"]

    async def test_one_alone_is_asked_again_and_again(self) -> None:
        with running(status(401)) as server:
            async with opened(server.url) as provider:
                for _ in range(30):
                    assert await outcome(provider) == Outcome("", "upstream_auth")
                assert not provider.is_ready
        assert len(server.asked) == 30

    async def test_another_error_is_not_tried_with_another_key(self, keys: str) -> None:
        with running(status(400)) as server:
            async with opened_with(keys, server.url) as provider:
                await outcome(provider)
        assert which(server) == ["first"]

    async def test_what_goes_wrong_behind_the_first_word_lets_none_rest(self, keys: str) -> None:
        limited = event({"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}})
        with running(by_key(stream(event(chunk("a")) + limited), OK)) as server:
            async with opened_with(keys, server.url) as provider:
                ends = [await outcome(provider) for _ in range(3)]
        assert ends == [Outcome("a", "upstream_rate_limited"), Outcome("ok", "stop"), ends[0]]
        assert which(server) == ["first", "second", "first"]

    async def test_one_with_nothing_left_of_its_limit_is_spared(self, keys: str) -> None:
        def nearly_used_up(asked: Asked) -> None:
            asked.head(x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="30s")
            asked.chunk(good("ok"))
            asked.end()

        with running(by_key(nearly_used_up, OK)) as server:
            async with opened_with(keys, server.url) as provider:
                for _ in range(4):
                    assert await outcome(provider) == Outcome("ok", "stop")
        assert which(server) == ["first"] + ["second"] * 3


async def test_a_limit_that_is_used_up_is_waited_for_before_it_is_passed() -> None:
    def nearly_used_up(asked: Asked) -> None:
        asked.head(x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="300ms")
        asked.chunk(good("ok"))
        asked.end()

    with running(nearly_used_up, OK) as server:
        async with opened(server.url) as provider:
            await ask(provider)
            await ask(provider)
    first, second = server.asked
    assert second.at - first.at > 0.25
