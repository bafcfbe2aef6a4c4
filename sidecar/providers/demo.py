"""The demo provider: streams without a key, a network or a model, and says so in every reply."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import anyio.to_thread
from anyio.lowlevel import checkpoint

from sidecar.providers._demo_replies import write_reply
from sidecar.providers.interface import Finish, Piece, Prompt, Text
from sidecar.providers.pace import Pace
from sidecar.texts.tokens import BYTES_PER_TOKEN

# A quick model's pace, and one that can still be read along.
TOKENS_PER_SECOND = 40

# Up to here a reply is written in 0.2 ms, about what it costs to ask a thread.
_INLINE_CHARACTERS = 1000

# At full speed 32 pieces take their reader about 0.2 ms: nobody else waits longer.
_PIECES_PER_CHECKPOINT = 32


class DemoProvider:
    """Quotes and counts where a model would think: the same prompt has the same reply. Paced ones keep `pace`."""

    name = "demo"
    models = ("demo",)
    is_ready = True

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = pace or Pace(1 / TOKENS_PER_SECOND)

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Piece]]:
        async with aclosing(self._play(prompt)) as pieces:
            yield pieces

    async def _play(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        tokens = cut_tokens(await _write(prompt))
        spoken = tokens[: prompt.max_tokens]
        moment = self._pace.begin()
        for number, token in enumerate(spoken):
            if prompt.paced:
                await moment(number)
            elif number % _PIECES_PER_CHECKPOINT == 0:
                await checkpoint()
            yield Text(token)
        yield Finish("stop" if len(spoken) == len(tokens) else "length")


async def _write(prompt: Prompt) -> str:
    if len(prompt.subject) <= _INLINE_CHARACTERS:
        return write_reply(prompt)
    # Abandoned on cancel: it is bounded work without effects, and a cancel should not wait for it.
    return await anyio.to_thread.run_sync(write_reply, prompt, abandon_on_cancel=True)


def cut_tokens(text: str) -> list[str]:
    """Return `text` in pieces of up to four bytes of UTF-8, none within a character."""
    raw = text.encode()
    tokens = []
    start = 0
    while start < len(raw):
        end = start + BYTES_PER_TOKEN
        while end < len(raw) and raw[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        tokens.append(raw[start:end].decode())
        start = end
    return tokens
