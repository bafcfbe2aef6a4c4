"""A model in memory that answers what a function says, and what it takes to let an action ask it."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Unpack

import anyio

from protocol.messages import Generate, Usage
from sidecar.actions import Rules, Summaries, Work, make_plan
from sidecar.errors import SidecarError
from sidecar.providers import Finish, Piece, Prompt, Stage, Text
from tests.rules import Changed, make_rules

MARKER = "material_00"
# A word of four letters is a token and a half here, with its space.
USAGE = Usage(prompt_tokens=10, completion_tokens=3)

Said = str | Finish | SidecarError
Answer = Callable[[Prompt], Said | list[Said]]


@dataclass
class AnsweringProvider:
    """Answers each prompt as `answer` says; `gate`, where there is one, is waited for in every call."""

    answer: Answer = lambda _: "Notes."
    gate: Callable[[Prompt], Awaitable[None]] | None = None
    usage: Usage | None = USAGE
    name: str = "answering"
    models: tuple[str, ...] = ("small",)
    is_ready: bool = True
    prompts: list[Prompt] = field(default_factory=list)
    running: int = 0
    most_running: int = 0

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Piece]]:
        self.prompts.append(prompt)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            async with aclosing(self._pieces(prompt)) as pieces:
                yield pieces
        finally:
            self.running -= 1

    async def _pieces(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        await anyio.lowlevel.checkpoint()
        if self.gate is not None:
            await self.gate(prompt)
        said = self.answer(prompt)
        for one in said if isinstance(said, list) else [said]:
            await anyio.lowlevel.checkpoint()
            if isinstance(one, SidecarError):
                raise one
            if isinstance(one, Finish):
                yield one
                return
            yield Text(one)
        yield Finish("stop", self.usage)

    def asked(self, action: str) -> list[Prompt]:
        """Return the prompts of one kind; those about parts in the order of the parts, as they may come in any."""
        return sorted((prompt for prompt in self.prompts if prompt.action == action), key=_number)


def _number(prompt: Prompt) -> int:
    found = re.match(r"Part (\d+) of", prompt.messages[0].content)
    return int(found[1]) if found else 0


@dataclass
class Given:
    """What came of a request."""

    pieces: list[Piece]
    work: Work

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces if isinstance(piece, Text))

    @property
    def stages(self) -> list[tuple[str, int, int]]:
        return [(piece.name, piece.done, piece.total) for piece in self.pieces if isinstance(piece, Stage)]

    @property
    def end(self) -> Finish:
        last = self.pieces[-1]
        assert isinstance(last, Finish)
        return last


def new_rules(**changed: Unpack[Changed]) -> Rules:
    """Return rules for one small model: 2,048 tokens, so that about 2,000 bytes of text fit beside our own words."""
    small: Changed = {"context_tokens": 2048, "max_tokens": 200, **changed}
    return make_rules("small", **small)


async def ask(
    request: Generate,
    provider: AnsweringProvider,
    *,
    rules: Rules | None = None,
    summaries: Summaries | None = None,
    marker: str = MARKER,
) -> Given:
    """Let the action of a request ask, and return all pieces. Raises SidecarError."""
    prompt, plan = make_plan(request, rules or new_rules(), marker=marker)
    work = Work(provider, plan, summaries=summaries or Summaries())
    pieces = []
    with anyio.fail_after(20):
        async with work.stream(prompt) as stream:
            pieces = [piece async for piece in stream]
    return Given(pieces, work)


def material(prompt: Prompt) -> list[str]:
    """Return the texts between fences in the last message of a prompt."""
    parts = prompt.messages[-1].content.split(f"<{MARKER}>\n")[1:]
    return [part.partition(f"\n</{MARKER}>")[0] for part in parts]
