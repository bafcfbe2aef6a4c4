"""What a provider is: a context manager that gives an iterator of pieces. Every provider is one file beside this one.

    async with provider.stream(prompt) as pieces:
        async for piece in pieces: ...

Leaving the block, by whatever way, ends the work and closes the provider's connection before it returns.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol

from msgspec import Struct

from protocol.messages import FinishReason, Usage
from sidecar.texts.tokens import estimate_tokens
from sidecar.unprinted import Unprinted

QUEUED = "queued"
"""The name of the stage before a question was asked, while all places with the provider are taken."""


class Message(Unprinted, frozen=True):
    """One turn as a provider sees it."""

    role: Literal["system", "user", "assistant"]
    """A system turn stands among others only where a client of OpenAI put it there."""
    content: str


class Prompt(Unprinted, frozen=True, kw_only=True):
    """All that shapes an answer, as an action rendered it. Its repr shows none of the texts."""

    action: str
    model: str
    system: str
    """Empty: there is none."""
    messages: tuple[Message, ...]
    subject: str
    """The text that the action works on, as the person gave it: for providers that quote instead of thinking."""
    max_tokens: int
    temperature: float | None = None
    paced: bool = True
    """Whether somebody watches the tokens come: a provider that only plays a model takes its time then."""
    length: Literal["short", "medium", "long"] = "medium"
    bullets: bool = False
    schema: Mapping[str, object] | None = None
    """The JSON schema that the answer shall keep to. The texts ask for it, too: not every provider takes one."""

    def estimate_tokens(self) -> int:
        """Return about how many tokens a model is sent."""
        return estimate_tokens(self.system) + sum(estimate_tokens(message.content) for message in self.messages)


class Text(Unprinted, frozen=True, gc=False):
    """More of the answer; never empty."""

    text: str


class Stage(Struct, frozen=True):
    """How far the work is where there is no text to show for it: `done` of `total` steps of what `name` says."""

    name: str
    done: int
    total: int

    @property
    def is_queued(self) -> bool:
        """Whether the question waits for a place with the provider, and has cost nothing yet."""
        return self.name == QUEUED and self.done < self.total


class Counted(Struct, frozen=True):
    """What the answer has cost so far, where the provider counts as it writes: it holds where no end comes."""

    usage: Usage


class Result(Unprinted, frozen=True, kw_only=True):
    """An answer that is an object, not a text. No model gives one: an action makes it of what models say."""

    value: dict[str, object]
    text: str
    """The same, to be read."""


class Finish(Struct, frozen=True):
    """The model's own end of the answer, always the last piece. A stream without it was cut off.

    Where it has no usage, that is estimated from the texts.
    """

    reason: FinishReason
    usage: Usage | None = None
    result: Result | None = None


class Flow(ABC):
    """The rest of the text behind the first `Text`, where it can be had past all layers between provider and writer.

    They cost more than to read a token does. Who does not `run` it gets pieces as before.
    """

    text_bytes: int = 0
    """How much text has gone through it."""

    @property
    @abstractmethod
    def usage(self) -> Usage | None:
        """What the answer has cost so far, where the provider counts as it writes."""

    @abstractmethod
    async def run(self, take: Callable[[str], bool]) -> None:
        """Give `take` each text as it comes, until that returns False, or something else has to be seen to.

        To be called before the next piece is asked for, which says how it went on: there is the end, or an error.
        `take` is called in no task, on asyncio by the event loop itself: it does not wait. It raises no SidecarError.
        """


Piece = Text | Stage | Counted | Flow | Finish


class Provider(Protocol):
    """A language model, or what stands in for one."""

    @property
    def name(self) -> str:
        """The word that chooses it in the settings."""

    @property
    def models(self) -> tuple[str, ...]:
        """The models that a request may name; the first is the default, `*` allows any."""

    @property
    def is_ready(self) -> bool:
        """Whether a request has a chance: a usable key, an endpoint."""

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[Piece]]:
        """Ask the model.

        Raises:
            SidecarError: on entry or between pieces; nothing else.
        """
