"""What stands in for a model in a self-test: a short text at a known pace. It asks nobody and costs nothing."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from protocol.messages import Usage
from sidecar.providers.interface import Finish, Piece, Prompt, Text
from sidecar.providers.pace import Pace

_PIECES = ("This ", "comes ", "piece ", "by ", "piece.")

# SPEC.md 3.7 tells clients what gaps to look for.
SECONDS_BETWEEN = 0.2

NO_COST = Usage(prompt_tokens=0, completion_tokens=0)

PROMPT = Prompt(action="selftest", model="selftest", system="", messages=(), subject="", max_tokens=len(_PIECES))


class SelfTestProvider:
    """Says the same to every prompt."""

    name = "selftest"
    models = ("selftest",)
    is_ready = True

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = pace or Pace(SECONDS_BETWEEN)

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Piece]]:
        async with aclosing(self._speak()) as pieces:
            yield pieces

    async def _speak(self) -> AsyncGenerator[Piece, None]:
        moment = self._pace.begin()
        for number, piece in enumerate(_PIECES):
            await moment(number)
            yield Text(piece)
        yield Finish("stop", NO_COST)
