"""Servers that count as they write, as vLLM does where it is asked to: what is cut off costs what they said."""

import anyio
import pytest

from protocol.messages import Usage
from sidecar.actions._summaries import Summaries
from sidecar.actions._work import Work, say
from sidecar.errors import SidecarError
from sidecar.providers import Finish, Piece
from sidecar.providers.openai import RUNNING_COUNT, OpenAIDialect
from tests.http_pool.asking import until
from tests.providers.asking import PROMPT, ask, opened
from tests.providers.scripted import ROLE, Asked, chunk, event, good, running, status, stream

pytestmark = pytest.mark.anyio


def counted(written: int, text: str | None = None, **fields: object) -> bytes:
    usage = {"prompt_tokens": 21, "completion_tokens": written, "total_tokens": 21 + written}
    return event({**chunk(text, **fields), "usage": usage})


async def read_all(work: Work, pieces: list[Piece] | None = None) -> None:
    async with work.stream(PROMPT) as stream:
        async for piece in stream:
            if pieces is not None:
                pieces.append(piece)


def beginning(asked: Asked) -> None:
    asked.head()
    for content in (ROLE, counted(0, ""), counted(1, "The sky"), counted(2, " is")):
        asked.chunk(content)


async def test_an_answer_that_breaks_off_costs_what_was_counted_last() -> None:
    def breaks(asked: Asked) -> None:
        beginning(asked)
        asked.cut()

    with running(breaks) as server:
        async with opened(server.url) as provider:
            work = Work(provider, say, summaries=Summaries())
            with pytest.raises(SidecarError):
                await read_all(work)
            assert work.spent() == Usage(prompt_tokens=21, completion_tokens=2)


async def test_so_does_one_that_is_left() -> None:
    def holds(asked: Asked) -> None:
        beginning(asked)
        asked.hold()

    with running(holds) as server:
        async with opened(server.url) as provider:
            work = Work(provider, say, summaries=Summaries())
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read_all, work)
                await until(lambda: work.spent() == Usage(prompt_tokens=21, completion_tokens=2))
                tasks.cancel_scope.cancel()
            assert work.spent() == Usage(prompt_tokens=21, completion_tokens=2)


async def test_thoughts_are_counted_though_nobody_sees_them() -> None:
    def thinks(asked: Asked) -> None:
        asked.head()
        asked.chunk(counted(40, delta={"reasoning_content": "Hm."}))
        asked.cut()

    with running(thinks) as server:
        async with opened(server.url) as provider:
            work = Work(provider, say, summaries=Summaries())
            pieces: list[Piece] = []
            with pytest.raises(SidecarError):
                await read_all(work, pieces)
            assert pieces == []
            assert work.spent() == Usage(prompt_tokens=21, completion_tokens=40)


async def test_at_the_end_the_last_count_is_that_of_the_whole() -> None:
    events = counted(1, "The sky") + counted(2, " is") + counted(2, finish_reason="stop") + event("[DONE]")
    with running(stream(events)) as server:
        async with opened(server.url) as provider:
            assert await ask(provider) == (["The sky is"], Finish("stop", Usage(prompt_tokens=21, completion_tokens=2)))


async def test_who_refuses_to_count_so_is_asked_to_count_in_the_end() -> None:
    name = f"stream_options.{RUNNING_COUNT}"
    refuse = status(400, {"error": {"message": f"Unknown parameter: '{name}'.", "param": name}})
    with running(refuse, stream(good("ok"))) as server:
        async with opened(server.url) as provider:
            for _ in range(2):
                assert (await ask(provider))[0] == ["ok"]
    options = [asked.json["stream_options"] for asked in server.asked]
    assert options == [{"include_usage": True, RUNNING_COUNT: True}, {"include_usage": True}, {"include_usage": True}]


@pytest.mark.parametrize(
    ("url", "is_asked"),
    [
        (None, False),
        ("https://api.example.org/v1", False),
        ("https://localhost:8000/v1", True),
        ("http://127.0.0.1:8000/v1", True),
        ("http://gpu.example.org/v1", True),
    ],
)
def test_only_servers_that_one_runs_oneself_are_asked_to(url: str | None, is_asked: bool) -> None:
    left_out = OpenAIDialect().locate(url, allow_http=True).left_out
    body = OpenAIDialect().write(PROMPT, left_out)
    assert body["stream_options"] == {"include_usage": True, **({RUNNING_COUNT: True} if is_asked else {})}
