from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sidecar.providers import Finish, Message, Piece, Prompt, Provider, Text
from sidecar.providers._demo_replies import write_reply
from sidecar.providers.demo import TOKENS_PER_SECOND, DemoProvider, cut_tokens
from sidecar.providers.pace import Pace

pytestmark = pytest.mark.anyio

PROMPT = Prompt(
    action="chat",
    model="demo",
    system="Be honest.",
    messages=(Message("user", "Why is the sky blue?"),),
    subject="Why is the sky blue?",
    max_tokens=1000,
    paced=False,
)
LONG_PROMPT = replace(PROMPT, action="summarize", subject="Plants need the light of the sun. " * 10_000)


class Clock:
    """A time that passes only in `sleep`, and there by `late` seconds more than asked for."""

    def __init__(self, late: float = 0.0) -> None:
        self.time = 1000.0
        self.late = late

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.time += seconds + self.late
        await checkpoint()

    def pace(self) -> Pace:
        return Pace(1 / TOKENS_PER_SECOND, now=self.now, sleep=self.sleep)


async def collect(pieces: AsyncIterator[Piece]) -> list[Piece]:
    return [piece async for piece in pieces]


async def read(prompt: Prompt, provider: Provider | None = None) -> tuple[str, Finish]:
    """Return the whole text of a reply, and its end."""
    async with (provider or DemoProvider()).stream(prompt) as pieces:
        *texts, end = await collect(pieces)
    assert isinstance(end, Finish)
    assert all(isinstance(piece, Text) and piece.text for piece in texts)
    return "".join(piece.text for piece in texts if isinstance(piece, Text)), end


async def test_it_is_a_provider_that_is_always_ready() -> None:
    provider: Provider = DemoProvider()
    assert (provider.name, provider.models, provider.is_ready) == ("demo", ("demo",), True)


async def test_the_pieces_are_the_reply_and_one_end_whose_usage_is_to_be_estimated() -> None:
    text, end = await read(PROMPT)
    assert text == write_reply(PROMPT)
    assert end == Finish("stop", usage=None)


async def test_the_reply_ends_at_the_limit_of_tokens() -> None:
    whole, _ = await read(PROMPT)
    tokens = len(cut_tokens(whole))
    for limit, reason in ((1, "length"), (tokens - 1, "length"), (tokens, "stop"), (tokens + 1, "stop")):
        text, end = await read(replace(PROMPT, max_tokens=limit))
        assert whole.startswith(text)
        assert end.reason == reason
        assert len(cut_tokens(text)) == min(limit, tokens)


@pytest.mark.parametrize("late", [0.0, 0.004, 0.01], ids=["punctual", "a little late", "later"])
async def test_a_paced_reply_keeps_its_schedule_however_late_each_sleep_ends(late: float) -> None:
    clock = Clock(late)
    start = clock.time
    async with DemoProvider(clock.pace()).stream(replace(PROMPT, paced=True)) as pieces:
        times = [clock.time async for piece in pieces if isinstance(piece, Text)]
    for number, time in enumerate(times):
        assert time - start == pytest.approx(number / TOKENS_PER_SECOND + late)


async def test_a_paced_reply_that_is_behind_catches_up() -> None:
    clock = Clock()
    async with DemoProvider(clock.pace()).stream(replace(PROMPT, paced=True)) as pieces:
        await anext(pieces)
        clock.time += 1.0
        for _ in range(TOKENS_PER_SECOND):
            await anext(pieces)
        assert clock.time == 1001.0
        await anext(pieces)
        assert clock.time == pytest.approx(1001.0 + 1 / TOKENS_PER_SECOND)


async def test_an_unpaced_reply_never_sleeps() -> None:
    async def refuse(seconds: float) -> None:
        raise AssertionError(seconds)

    await read(PROMPT, DemoProvider(Pace(1, sleep=refuse)))


async def count_turns_during(work: Callable[[], Awaitable[object]]) -> int:
    """Return how often another task got its turn while `work` was done."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await checkpoint()
            turns += 1

    async with anyio.create_task_group() as group:
        group.start_soon(count)
        with anyio.fail_after(5):
            await work()
        group.cancel_scope.cancel()
    return turns


async def test_an_unpaced_reply_lets_others_have_their_turn() -> None:
    # Short enough to be read without a thread, and quoted at length.
    prompt = replace(PROMPT, action="analyze", subject=" ".join(f"Plant{number} needs light" for number in range(40)))
    checkpoints = len(cut_tokens(write_reply(prompt))) // 32
    assert checkpoints >= 8
    # One is lost where the other task has not begun yet.
    assert await count_turns_during(lambda: read(prompt)) >= checkpoints - 1


async def test_others_have_their_turn_while_a_long_text_is_read() -> None:
    async def first_piece() -> None:
        async with DemoProvider().stream(LONG_PROMPT) as pieces:
            await anext(pieces)

    assert await count_turns_during(first_piece) > 10


async def test_a_long_text_is_served_as_any_other() -> None:
    with anyio.fail_after(5):
        text, end = await read(LONG_PROMPT)
    assert text == write_reply(LONG_PROMPT)
    assert end.reason == "stop"


async def test_leaving_the_block_early_ends_the_pieces() -> None:
    async with DemoProvider().stream(PROMPT) as pieces:
        first = await anext(pieces)
    assert isinstance(first, Text)
    with pytest.raises(StopAsyncIteration):
        await anext(pieces)


async def test_a_cancel_ends_a_paced_reply_at_once() -> None:
    asleep = anyio.Event()

    async def sleep(_: float) -> None:
        asleep.set()
        await anyio.sleep_forever()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(read, replace(PROMPT, paced=True), DemoProvider(Pace(1, sleep=sleep)))
            await asleep.wait()
            group.cancel_scope.cancel()


async def test_a_cancel_does_not_wait_until_a_long_text_is_read() -> None:
    with anyio.fail_after(5):
        with anyio.CancelScope() as scope:
            scope.cancel()
            await read(LONG_PROMPT)
        assert scope.cancelled_caught


async def test_two_replies_at_once_do_not_mix() -> None:
    provider = DemoProvider()
    other = replace(PROMPT, subject="What is a prime?")
    async with provider.stream(PROMPT) as one, provider.stream(other) as two:
        texts = ["", ""]
        for pieces in zip(await collect(one), await collect(two), strict=False):
            for index, piece in enumerate(pieces):
                texts[index] += piece.text if isinstance(piece, Text) else ""
    assert write_reply(PROMPT).startswith(texts[0])
    assert write_reply(other).startswith(texts[1])


@given(st.text())
def test_tokens_are_up_to_four_bytes_and_together_the_text(text: str) -> None:
    tokens = cut_tokens(text)
    assert "".join(tokens) == text
    assert all(1 <= len(token.encode()) <= 4 for token in tokens)
