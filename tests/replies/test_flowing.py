"""Text that a provider gives past the layers between it and the log."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

import anyio
import pytest
from anyio.lowlevel import checkpoint

from protocol.messages import Usage
from sidecar.errors import Truncated
from sidecar.providers import Finish, Piece, Prompt, Text
from sidecar.providers.interface import Flow
from sidecar.replies import End, Replies, ReplyLimits
from tests.replies.fakes import DETACHED, PROMPT, USAGE, error_code, read

pytestmark = pytest.mark.anyio


class Spring(Flow):
    """Gives its texts one after the other."""

    text_bytes = 0
    usage = None

    def __init__(self, *texts: str) -> None:
        self.left = list(texts)

    async def run(self, take: Callable[[str], bool]) -> None:
        while self.left:
            await checkpoint()
            if not take(self.left.pop(0)):
                return


class SpringProvider:
    """Says `first` as a piece, then lets the flow run, then ends well or raises."""

    name = "spring"
    models = ("gated-1",)
    is_ready = True

    def __init__(self, spring: Spring, error: Exception | None = None) -> None:
        self.spring = spring
        self.error = error

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Piece]]:
        async with aclosing(self._say()) as pieces:
            yield pieces

    async def _say(self) -> AsyncGenerator[Piece, None]:
        yield Text("first")
        yield self.spring
        if self.error is not None:
            raise self.error
        yield Finish("stop", USAGE)


async def reply_of(provider: SpringProvider, limits: ReplyLimits | None = None) -> tuple[list[str], End]:
    async with Replies(limits or ReplyLimits()) as replies:
        with anyio.fail_after(5):
            return await read(replies.open(PROMPT, DETACHED, provider))


async def test_it_stands_between_the_pieces_before_and_behind_it() -> None:
    assert await reply_of(SpringProvider(Spring(" second", " third"))) == (
        ["first", " second", " third"],
        End(usage=USAGE, finish_reason="stop"),
    )


async def test_what_goes_wrong_in_it_ends_the_reply_behind_what_has_come() -> None:
    texts, end = await reply_of(SpringProvider(Spring(" second"), Truncated("It broke off.")))
    assert "".join(texts) == "first second"
    assert error_code(end) == "truncated"


async def test_a_reply_that_grows_too_long_in_it_ends_and_takes_no_more() -> None:
    spring = Spring(" 123456789", " too long", " and more")
    texts, end = await reply_of(SpringProvider(spring), ReplyLimits(max_reply_bytes=15))
    assert "".join(texts) == "first 123456789"
    assert error_code(end) == "too_large"
    assert end.usage == Usage(prompt_tokens=3, completion_tokens=4, estimated=True)
    assert spring.left == [" and more"]


async def test_a_bug_in_it_ends_its_own_reply_only(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Spring):
        async def run(self, take: Callable[[str], bool]) -> None:
            raise KeyError

    texts, end = await reply_of(SpringProvider(Broken()))
    assert texts == ["first"]
    assert error_code(end) == "internal"
    assert "call failed provider=spring" in caplog.text
