"""What stands in for a model in a self-test: a short text at a known pace. It asks nobody and costs nothing."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import anyio

from protocol.messages import Usage
from sidecar.providers.interface import Finish, Piece, Prompt, Text

_PIECES = ("This ", "comes ", "piece ", "by ", "piece.")

# SPEC.md 3.7 tells clients what gaps to look for.
SECONDS_BETWEEN = 0.2

NO_COST = Usage(prompt_tokens=0, completion_tokens=0)

PROMPT = Prompt(action="selftest", model="selftest", system="", messages=(), subject="", max_tokens=len(_PIECES))


class SelfTestProvider:
    """Says the same to every prompt. `now` and `sleep` set the pace, in seconds; a test brings its own."""

    name = "selftest"
    models = ("selftest",)
    is_ready = True

    def __init__(
        self,
        *,
        now: Callable[[], float] = anyio.current_time,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._now = now
        self._sleep = sleep

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Piece]]:
        async with aclosing(self._speak()) as pieces:
            yield pieces

    async def _speak(self) -> AsyncGenerator[Piece, None]:
        start = self._now()
        for number, piece in enumerate(_PIECES):
            # By the schedule from the start: what one sleep takes too long the next one makes up for.
            await self._sleep(max(0.0, start + number * SECONDS_BETWEEN - self._now()))
            yield Text(piece)
        yield Finish("stop", NO_COST)
