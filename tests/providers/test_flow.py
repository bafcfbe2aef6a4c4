"""The text of an answer past the layers between provider and writer: the same as through them."""

import anyio
import anyio.to_thread
import pytest
from msgspec.structs import replace

from protocol.messages import Usage
from sidecar.actions._summaries import Summaries
from sidecar.actions._work import Work, say
from sidecar.errors import SidecarError
from sidecar.providers import Finish, Piece, Text
from sidecar.providers.interface import Counted, Flow
from tests.http_pool.asking import until
from tests.providers.asking import PATIENT, PROMPT, ask, opened
from tests.providers.faults import OK, Outcome, byte_by_byte, chunked, outcome
from tests.providers.scripted import DONE, ROLE, Asked, Script, chunk, event, good, running, stream

pytestmark = pytest.mark.anyio

A, B, STOP = event(chunk("a")), event(chunk("b")), event(chunk(finish_reason="stop"))
FAILURE = event({"error": {"message": "Overloaded.", "type": "server_error"}})
SHORT = 0.1


def one_by_one(*contents: bytes) -> Script:
    def script(asked: Asked) -> None:
        asked.head()
        for content in contents:
            asked.chunk(content)
            asked.pause(0.01)
        asked.end()

    return script


def holds_behind(*contents: bytes) -> Script:
    def script(asked: Asked) -> None:
        asked.head()
        for content in contents:
            asked.chunk(content)
        asked.hold()

    return script


@pytest.mark.parametrize("past_layers", [True, False])
@pytest.mark.parametrize(
    ("script", "expected"),
    {
        "at once": (stream(good("a", "b")), Outcome("ab", "stop")),
        "one by one": (one_by_one(ROLE, A, B, A, B, STOP, DONE), Outcome("abab", "stop")),
        "byte by byte": (byte_by_byte, Outcome("The sky 😀", "stop")),
        "without the last word": (one_by_one(A, B, STOP), Outcome("ab", "stop")),
        "cut between two tokens": (chunked(A + B, "cut"), Outcome("ab", "truncated")),
        "reset between two tokens": (chunked(A + B, "reset"), Outcome("ab", "truncated")),
        "cut within a chunk": (chunked(A + B, "cut", dribble=True), Outcome("ab", "truncated")),
        "cut behind the end": (chunked(A + B + STOP, "cut"), Outcome("ab", "stop")),
        "the end of all, but not the model's": (one_by_one(A, B), Outcome("ab", "truncated")),
        "an error among the tokens": (one_by_one(A, B, FAILURE, B), Outcome("ab", "upstream_error")),
        "no JSON among the tokens": (one_by_one(A, B, b"data: {\n\n", B), Outcome("ab", "upstream_protocol")),
    }.values(),
)
async def test_past_the_layers_an_answer_comes_to_the_same(
    script: Script, expected: Outcome, past_layers: bool
) -> None:
    with running(script) as server:
        async with opened(server.url) as provider:
            assert await outcome(provider, past_layers=past_layers) == expected
        assert len(server.asked) == 1


async def test_each_token_comes_when_it_was_sent() -> None:
    texts: list[str] = []

    def slowly(asked: Asked) -> None:
        asked.head()
        for number in range(5):
            asked.chunk(event(chunk(str(number))))
            while len(texts) <= number:
                asked.pause(0.001)
        asked.chunk(STOP + DONE)
        asked.end()

    with running(slowly) as server:
        async with opened(server.url) as provider:
            assert (await ask(provider, into=texts))[0] == list("01234")


async def test_the_clock_between_two_tokens_runs_and_begins_anew_with_each() -> None:
    def script(asked: Asked) -> None:
        asked.head()
        for _ in range(7):
            asked.chunk(A)
            asked.pause(SHORT)
        asked.hold()

    with running(script) as server:
        async with opened(server.url, replace(PATIENT, idle_seconds=6 * SHORT)) as provider:
            assert await outcome(provider) == Outcome("aaaaaaa", "timeout_idle")


async def test_so_does_the_clock_of_all_whatever_comes() -> None:
    def endless(asked: Asked) -> None:
        asked.head()
        while True:
            asked.chunk(A)

    with running(endless) as server:
        async with opened(server.url, replace(PATIENT, total_seconds=3 * SHORT)) as provider:
            assert (await outcome(provider)).end == "timeout_total"


async def test_a_cancel_closes_the_connection() -> None:
    texts: list[str] = []
    with running(holds_behind(A, B)) as server:
        async with opened(server.url) as provider, anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: ask(provider, into=texts))
            await until(lambda: "".join(texts) == "ab")
            tasks.cancel_scope.cancel()
        assert await anyio.to_thread.run_sync(server.asked[0].left.wait, 5)


async def test_who_has_enough_is_given_no_more() -> None:
    texts: list[str] = []

    def take(text: str) -> bool:
        texts.append(text)
        return len(texts) < 3

    with running(one_by_one(*[A] * 100, STOP, DONE)) as server:
        async with opened(server.url) as provider, provider.stream(PROMPT) as pieces:
            async for piece in pieces:
                if isinstance(piece, Flow):
                    await piece.run(take)
                    break
            await anyio.sleep(0.05)
            assert len(texts) == 3


async def test_a_bug_of_who_takes_is_raised_to_him_and_closes_the_connection() -> None:
    def take(_: str) -> bool:
        raise KeyError

    async def read() -> None:
        async with provider.stream(PROMPT) as pieces:
            async for piece in pieces:
                if isinstance(piece, Flow):
                    await piece.run(take)

    with running(one_by_one(*[A] * 100), OK) as server:
        async with opened(server.url) as provider:
            with pytest.raises(KeyError):
                await read()
            assert (await ask(provider))[0] == ["ok"]


async def test_what_flows_is_counted_with_the_rest_as_it_comes() -> None:
    work: Work

    async def read() -> None:
        async with work.stream(PROMPT) as pieces:
            async for piece in pieces:
                if isinstance(piece, Flow):
                    await piece.run(lambda _: True)

    with running(one_by_one(A, *[event(chunk("öö"))] * 10, FAILURE), holds_behind(A, *[B] * 11)) as server:
        async with opened(server.url) as provider:
            work = Work(provider, say, summaries=Summaries())
            with pytest.raises(SidecarError):
                await read()
            assert work.spent().completion_tokens == 11  # 41 bytes
            assert work.spent().estimated
            work = Work(provider, say, summaries=Summaries())
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                await until(lambda: work.spent().completion_tokens == 3)
                tasks.cancel_scope.cancel()
            assert work.spent().completion_tokens == 3


async def test_a_count_that_runs_along_stops_no_flow() -> None:
    def counted(written: int) -> bytes:
        return event({**chunk("a"), "usage": {"prompt_tokens": 21, "completion_tokens": written}})

    texts: list[str] = []

    def take(text: str) -> bool:
        texts.append(text)
        return True

    with running(one_by_one(*map(counted, range(1, 10)), STOP, DONE)) as server:
        async with opened(server.url) as provider:
            pieces: list[Piece] = []
            async with provider.stream(PROMPT) as stream:
                async for piece in stream:
                    pieces.append(piece)
                    if isinstance(piece, Flow):
                        await piece.run(take)
                        assert piece.usage == Usage(prompt_tokens=21, completion_tokens=9)
            first, flow, *others, end = pieces
            assert isinstance(first, Text)
            assert first.text + "".join(texts) == "a" * 9
            assert isinstance(flow, Flow)
            assert all(isinstance(other, Counted) for other in others)
            assert end == Finish("stop", Usage(prompt_tokens=21, completion_tokens=9))
