"""Several keys, several models and providers: who answers when one fails, and what a person is told when all do."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest
from msgspec import structs
from msgspec.structs import replace

from sidecar.errors import SidecarError
from sidecar.providers.remote import RemoteProvider
from tests.moments import quickest_of
from tests.providers.asking import KEY, PATIENT, PROMPT, ask, opened
from tests.providers.faults import OK, A, Outcome, chunked, outcome, raw
from tests.providers.scripted import (
    ROLE,
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
from tests.providers.vectors import STREAMS

pytestmark = pytest.mark.anyio

OTHER_KEY = "sk-canary-of-the-other-provider"
ELSEWHERE = stream(good("from elsewhere"))
THOUGHT = event(chunk(delta={"reasoning": "hm"}))
QUICK = replace(PATIENT, first_token_seconds=0.5, idle_seconds=0.5)


def write_fallback(folder: Path, url: str, **lines: str) -> str:
    """Write the settings of another provider into a file, and return its path."""
    texts = {"OPENAI_BASE_URL": url, "OPENAI_MODEL": "other", "OPENAI_API_KEY": OTHER_KEY, **lines}
    path = folder / "other.env"
    path.write_text("".join(f"{name}={text}\n" for name, text in texts.items()))
    return str(path)


@asynccontextmanager
async def two(
    tmp_path: Path, first: Sequence[Script], second: Sequence[Script] = (ELSEWHERE,), **lines: str
) -> AsyncIterator[tuple[RemoteProvider, ScriptedProvider, ScriptedProvider]]:
    """Give a provider that has another one for a fallback, and both servers."""
    with ExitStack() as stack:
        servers = [stack.enter_context(running(*scripts)) for scripts in (first, second)]
        path = write_fallback(tmp_path, servers[1].url, **lines)
        timeouts = QUICK if first[0] in (hold, think_and_hold, speak_and_hold) else PATIENT
        async with opened(servers[0].url, timeouts, SIDECAR_FALLBACKS=path) as provider:
            yield provider, *servers  # type: ignore[misc]


def hold(asked: Asked) -> None:
    asked.hold()


def think_and_hold(asked: Asked) -> None:
    asked.head()
    asked.chunk(THOUGHT)
    asked.hold()


def speak_and_hold(asked: Asked) -> None:
    asked.head()
    asked.chunk(A)
    asked.hold()


FAILURES: dict[str, tuple[Script, int]] = {
    "refused key": (status(401), 1),
    "unpaid": (status(402), 1),
    "unknown model": (status(404), 1),
    "limited": (status(429), 3),
    "limited, and would have to be waited for": (status(429, Retry_After="9"), 1),
    "failing": (status(500), 3),
    "moved": (status(301, Location="/"), 1),
    "cut off before the first word": (chunked(ROLE, "reset"), 3),
    "a web page": (raw(b"<html>", head=b"Content-Type: text/html\r\n"), 1),
    "garbage": (stream(ROLE + b"data: {oops\n\n"), 1),
    "not a word": (stream(good("")), 1),
    "silent": (hold, 1),
    "thinks, and falls silent": (think_and_hold, 1),
    "thinks, and fails": (stream(THOUGHT + event({"error": {"message": "x"}})), 1),
}

ENDS: dict[str, tuple[Script, Outcome]] = {
    "cut off behind a word": (chunked(A, "reset"), Outcome("a", "truncated")),
    "an error behind a word": (stream(A + event({"error": {"message": "x"}})), Outcome("a", "upstream_error")),
    "silent behind a word": (speak_and_hold, Outcome("a", "timeout_idle")),
    "no tokens left": (stream(good("", reason="length")), Outcome("", "length")),
    "filtered": (stream(good("", reason="content_filter")), Outcome("", "filtered")),
    "the filter refuses": (status(400, {"error": {"code": "content_filter"}}), Outcome("", "upstream_bad_request")),
    "too long": (status(400, {"error": {"code": "context_length_exceeded"}}), Outcome("", "context_too_long")),
    "too large": (status(413), Outcome("", "upstream_bad_request")),
}


class TestAnotherProvider:
    @pytest.mark.parametrize(("script", "tries"), FAILURES.values(), ids=FAILURES)
    async def test_it_is_asked_where_the_first_fails_before_its_first_word(
        self, tmp_path: Path, script: Script, tries: int
    ) -> None:
        async with two(tmp_path, [script]) as (provider, first, second):
            assert await outcome(provider) == Outcome("from elsewhere", "stop")
        assert (len(first.asked), len(second.asked)) == (tries, 1)
        assert [asked.json["model"] for asked in (first.asked[0], second.asked[0])] == ["m", "other"]
        assert second.asked[0].headers["authorization"] == f"Bearer {OTHER_KEY}"

    async def test_it_may_speak_another_dialect(self, tmp_path: Path) -> None:
        good_one = stream(STREAMS["anthropic: a good answer"].content)
        async with two(tmp_path, [status(500)], [good_one], SIDECAR_PROVIDER="anthropic") as (provider, _, second):
            assert await outcome(provider) == Outcome("Hello!", "stop")
        assert second.asked[0].target == "/v1/messages"
        assert second.asked[0].headers["x-api-key"] == OTHER_KEY

    @pytest.mark.parametrize(("script", "expected"), ENDS.values(), ids=ENDS)
    async def test_it_is_not_asked_once_there_is_a_word_or_an_end_or_where_the_request_is_to_blame(
        self, tmp_path: Path, script: Script, expected: Outcome
    ) -> None:
        async with two(tmp_path, [script]) as (provider, _, second):
            assert await outcome(provider) == expected
        assert second.asked == []

    async def test_when_all_fail_the_error_is_that_of_the_first(self, tmp_path: Path) -> None:
        async with two(tmp_path, [status(401)], [status(500)]) as (provider, _, second):
            assert await outcome(provider) == Outcome("", "upstream_auth")
        assert len(second.asked) == 3

    async def test_each_has_the_whole_time_until_its_first_token(self, tmp_path: Path) -> None:
        def late(asked: Asked) -> None:
            asked.head()
            asked.pause(0.3)
            asked.chunk(good("late"))
            asked.end()

        async with two(tmp_path, [hold], [late]) as (provider, first, _):
            assert await outcome(provider) == Outcome("late", "stop")
            assert first.asked[0].left.wait(5)

    @pytest.mark.alone
    async def test_the_time_in_all_is_for_all_together(self, tmp_path: Path) -> None:
        # The second has what the first leaves of 1.6 s, not 1 s of its own: enough to be asked on a busy machine.
        timeouts = replace(PATIENT, first_token_seconds=1.0, total_seconds=1.6)

        async def fail() -> float:
            with running(hold) as first, running(hold) as second:
                path = write_fallback(tmp_path, second.url)
                async with opened(first.url, timeouts, SIDECAR_FALLBACKS=path) as provider:
                    began = monotonic()
                    with pytest.raises(SidecarError, match="SIDECAR_TIMEOUT_FIRST_TOKEN"):
                        await ask(provider)
                    took = monotonic() - began
                assert len(second.asked) == 1
            return took

        assert await quickest_of(fail, goal=1.9) < 1.9

    async def test_a_model_that_the_request_names_is_asked_of_the_first_only(self, tmp_path: Path) -> None:
        async with two(tmp_path, [status(500)]) as (provider, first, second):
            await ask(provider, structs.replace(PROMPT, model="wanted"))
        assert [asked.json["model"] for asked in first.asked] == ["wanted"] * 3
        assert second.asked[0].json["model"] == "other"

    async def test_the_log_says_who_stands_in_for_whom_and_no_key(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        async with two(tmp_path, [status(401)]) as (provider, *_):
            await ask(provider)
        assert "fallback from=openai/m code=upstream_auth to=openai/other" in caplog.text
        assert "canary" not in caplog.text

    async def test_neither_key_is_in_what_a_provider_says(self, tmp_path: Path) -> None:
        for key in (KEY, OTHER_KEY):
            echo = status(422, {"error": {"message": f"What is {key}?"}})
            async with two(tmp_path, [echo]) as (provider, *_):
                with pytest.raises(SidecarError) as caught:
                    await ask(provider)
            assert "canary" not in str(caught.value)


class TestAnotherModel:
    async def test_it_is_asked_at_the_same_provider_with_the_same_key(self) -> None:
        def busy_big_one(asked: Asked) -> None:
            (status(500) if asked.json["model"] == "m" else OK)(asked)

        with running(busy_big_one) as server:
            async with opened(server.url, SIDECAR_FALLBACKS="small, smaller") as provider:
                assert await outcome(provider) == Outcome("ok", "stop")
        assert [asked.json["model"] for asked in server.asked] == ["m"] * 3 + ["small"]
        assert {asked.headers["authorization"] for asked in server.asked} == {f"Bearer {KEY}"}

    async def test_not_where_it_is_the_one_that_the_request_has_named(self) -> None:
        with running(status(404)) as server:
            async with opened(server.url, SIDECAR_FALLBACKS="small, smaller") as provider:
                with pytest.raises(SidecarError):
                    await ask(provider, structs.replace(PROMPT, model="small"))
        assert [asked.json["model"] for asked in server.asked] == ["small", "smaller"]

    @pytest.mark.parametrize("silent", [hold, think_and_hold])
    async def test_not_where_the_first_one_may_be_billed(self, silent: Script) -> None:
        with running(silent) as server:
            async with opened(server.url, QUICK, SIDECAR_FALLBACKS="small") as provider:
                assert (await outcome(provider)).end in ("timeout_first_token", "timeout_idle")
        assert len(server.asked) == 1

    async def test_nor_is_another_address_of_the_same_server(self, tmp_path: Path) -> None:
        with running(hold) as server:
            path = write_fallback(tmp_path, f"{server.url}/other/v1")
            async with opened(server.url, QUICK, SIDECAR_FALLBACKS=path) as provider:
                assert (await outcome(provider)).end == "timeout_first_token"
        assert len(server.asked) == 1

    async def test_but_then_another_provider_behind_it_is(self, tmp_path: Path) -> None:
        with running(hold) as first, running(ELSEWHERE) as second:
            fallbacks = f"small, {write_fallback(tmp_path, second.url)}"
            async with opened(first.url, QUICK, SIDECAR_FALLBACKS=fallbacks) as provider:
                assert await outcome(provider) == Outcome("from elsewhere", "stop")
        assert len(first.asked) == 1


class TestAnOutage:
    async def test_u33_when_nearly_all_fail_most_are_refused_here(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        with running(status(429)) as server:
            async with opened(server.url) as provider:
                for _ in range(40):
                    assert await outcome(provider) == Outcome("", "upstream_rate_limited")
                assert not provider.is_ready
                with pytest.raises(SidecarError, match="only probed at present: The provider has too many") as caught:
                    await ask(provider)
                assert caught.value.retry_after == 5.0
        assert len(server.asked) <= 22  # twenty open it; the clock may let a probe or two through
        assert caplog.text.count("is only probed from now on provider=openai/m key=1") == 1

    async def test_a_fallback_answers_at_once_meanwhile(self, tmp_path: Path) -> None:
        async with two(tmp_path, [status(500)]) as (provider, first, second):
            for _ in range(30):
                assert await outcome(provider) == Outcome("from elsewhere", "stop")
            assert provider.is_ready
        assert len(first.asked) <= 22
        assert len(second.asked) == 30

    async def test_the_budget_bounds_the_tries(self) -> None:
        with running(status(503)) as server:
            async with opened(server.url) as provider:
                for _ in range(7):
                    await outcome(provider)
        assert len(server.asked) == 17  # the first five are tried thrice, for the rest there is nothing left
