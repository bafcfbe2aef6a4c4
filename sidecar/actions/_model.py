"""The provider as one reply asks it: any number of times, some at once, each call counted."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import anyio
from anyio.abc import TaskGroup
from msgspec import Struct

from protocol.messages import FinishReason, Usage
from sidecar.actions._summaries import Summaries
from sidecar.errors import SidecarError, TimeoutConnect, Truncated, UpstreamConnect, UpstreamDns, UpstreamTls
from sidecar.providers.interface import Counted, Finish, Flow, Piece, Prompt, Provider, Stage, Text
from sidecar.texts.tokens import tokens_in
from sidecar.unprinted import Unprinted

# Of one reply at once: one long text must not take all the connections to a provider, nor its limits of requests.
MAX_PARALLEL = 4


UNREACHABLE = (UpstreamDns, UpstreamConnect, UpstreamTls, TimeoutConnect)
"""How a question ends that has not reached the provider."""


class Said(Unprinted, frozen=True):
    """A whole answer to one of the questions of a reply."""

    text: str
    reason: FinishReason


class _Asked(Struct):
    """What one question has cost so far."""

    prompt: Prompt | None
    """Until the provider has counted."""
    usage: Usage | None = None
    text_bytes: int = 0
    flow: Flow | None = None
    """Where text goes that is not among the pieces."""
    is_queued: bool = False
    """Whether it still waits for its turn, and has cost nothing."""

    def count(self) -> Usage:
        usage, text_bytes = self.usage, self.text_bytes
        if self.flow is not None:
            usage = self.flow.usage or usage
            text_bytes += self.flow.text_bytes
        if usage is not None or self.prompt is None or self.is_queued:
            return usage or Usage(prompt_tokens=0, completion_tokens=0)
        return Usage(
            prompt_tokens=self.prompt.estimate_tokens(),
            completion_tokens=tokens_in(text_bytes),
            estimated=True,
        )


class Model:
    """Asks, and counts what that costs. What is asked in parallel runs in `tasks`, which end with the reply."""

    def __init__(self, provider: Provider, tasks: TaskGroup, summaries: Summaries) -> None:
        self.summaries = summaries
        self._provider = provider
        self._tasks = tasks
        self._asked: list[_Asked] = []
        self.has_tasks = False
        """Whether anything was ever asked in parallel."""

    def usage(self) -> Usage:
        """Return what all questions have cost so far."""
        counts = [asked.count() for asked in self._asked]
        return Usage(
            prompt_tokens=sum(count.prompt_tokens for count in counts),
            completion_tokens=sum(count.completion_tokens for count in counts),
            estimated=any(count.estimated for count in counts),
        )

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """Give the pieces of the answer; the usage at its end is that of all questions so far. Close it.

        Raises:
            SidecarError: as a provider does.
        """
        asked = _Asked(prompt)
        self._asked.append(asked)
        try:
            async with self._provider.stream(prompt) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Text):
                        asked.text_bytes += len(piece.text) if piece.text.isascii() else len(piece.text.encode())
                    elif isinstance(piece, Counted):
                        asked.usage = piece.usage
                        continue
                    elif isinstance(piece, Flow):
                        asked.flow = piece
                    elif isinstance(piece, Stage):
                        asked.is_queued = piece.is_queued
                    elif isinstance(piece, Finish):
                        asked.usage = piece.usage or asked.usage
                        piece = Finish(piece.reason, self.usage())
                    yield piece
        except UNREACHABLE:
            if not asked.text_bytes:
                asked.prompt = None  # nothing was sent, so it has cost nothing
            raise
        finally:
            # The count stays, the texts go: there may be hundreds of questions.
            asked.usage, asked.prompt, asked.flow = asked.count(), None, None

    async def ask(self, prompt: Prompt, *, max_bytes: int) -> Said:
        """Return the whole answer, or its beginning where it is longer than `max_bytes`, as `length`.

        Raises:
            SidecarError: as a provider does.
            Truncated: the answer broke off.
        """
        texts: list[str] = []
        size = 0
        async with aclosing(self.stream(prompt)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Finish):
                    return Said("".join(texts), piece.reason)
                if isinstance(piece, Text):
                    texts.append(piece.text)
                    size += len(piece.text.encode(errors="replace"))
                    if size > max_bytes:
                        return Said("".join(texts), "length")
        raise Truncated("The provider's answer broke off before its end.")

    async def ask_each(
        self, prompts: Sequence[Prompt], *, max_bytes: int, stage: str
    ) -> AsyncGenerator[Stage | list[Said], None]:
        """Ask all, a few at once; give a stage after each answer, and at the end the answers in order. Close it.

        Raises:
            SidecarError: one could not be answered; the others are left.
        """
        answers = _Answers(len(prompts))
        numbers = iter(range(len(prompts)))
        scopes = [anyio.CancelScope() for _ in range(min(MAX_PARALLEL, len(prompts)))]

        async def work(scope: anyio.CancelScope) -> None:
            with scope:
                for number in numbers:
                    try:
                        answers.put(number, await self.ask(prompts[number], max_bytes=max_bytes))
                    except SidecarError as exc:
                        answers.fail(exc)
                        return

        self.has_tasks = True
        try:
            for scope in scopes:
                self._tasks.start_soon(work, scope)
            yield Stage(stage, 0, len(prompts))
            while answers.count < len(prompts):
                await answers.next()
                yield Stage(stage, answers.count, len(prompts))
            yield [said for said in answers.said if said is not None]
        finally:
            for scope in scopes:
                scope.cancel()


class _Answers:
    """Where the answers come together."""

    def __init__(self, total: int) -> None:
        self.said: list[Said | None] = [None] * total
        self.count = 0
        self._seen = 0
        self._error: SidecarError | None = None
        self._changed = anyio.Event()

    def put(self, number: int, said: Said) -> None:
        self.said[number] = said
        self.count += 1
        self._changed.set()

    def fail(self, error: SidecarError) -> None:
        self._error = error
        self._changed.set()

    async def next(self) -> None:
        """Wait for another answer. Raises the error with which one has failed."""
        while self.count == self._seen and self._error is None:
            self._changed = anyio.Event()
            await self._changed.wait()
        if self._error is not None:
            raise self._error
        self._seen = self.count
