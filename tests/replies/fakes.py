"""A provider whose pieces the test hands out one by one, and what it takes to ask it and to read what it says."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum

import anyio
from anyio.lowlevel import checkpoint

from protocol.messages import FinishReason, Usage
from sidecar.providers import Finish, Message, Piece, Prompt, Stage, Text
from sidecar.replies import End, Opening, Reader, Replies, Reply

PROMPT = Prompt(
    action="chat",
    model="gated-1",
    system="Be kind.",
    messages=(Message("user", "Why?"),),
    subject="Why?",
    max_tokens=100,
)
USAGE = Usage(prompt_tokens=3, completion_tokens=2)
DETACHED = Opening(is_detached=True)
DONE = End(usage=USAGE, finish_reason="stop")


def error_code(end: End | None) -> str | None:
    """Return the code with which a reply has ended; None where it has not, or well."""
    return end.error.code if end is not None and end.error is not None else None


class _Stop(Enum):
    STOP = "the iterator ends, with or without a Finish before"


class GatedCall:
    """One question to the provider: the test says what is answered, and when."""

    def __init__(self, prompt: Prompt, *, may_leave: bool) -> None:
        self.prompt = prompt
        self.is_left = anyio.Event()
        """Set once the sidecar is through with it and the connection is closed."""
        self.was_cancelled = False
        self.may_leave = anyio.Event()
        self.taken = 0
        """How many pieces were read."""
        self._pieces: deque[Piece | Exception | _Stop] = deque()
        self._has_pieces = anyio.Event()
        if may_leave:
            self.may_leave.set()

    def say(self, *texts: str) -> None:
        self._put(*map(Text, texts))

    def finish(self, reason: FinishReason = "stop", usage: Usage | None = None) -> None:
        """Give the model's own end; whether anything follows is the test's affair."""
        self._put(Finish(reason, usage))

    def report(self, stage: Stage) -> None:
        self._put(stage)

    def fail(self, error: Exception) -> None:
        self._put(error)

    def stop(self) -> None:
        """End the pieces."""
        self._put(_Stop.STOP)

    async def left(self) -> None:
        """Wait until the sidecar is through with it."""
        with anyio.fail_after(5):
            await self.is_left.wait()

    def _put(self, *pieces: Piece | Exception | _Stop) -> None:
        self._pieces.extend(pieces)
        self._has_pieces.set()

    def __aiter__(self) -> "GatedCall":
        return self

    async def __anext__(self) -> Piece:
        await checkpoint()
        while not self._pieces:
            self._has_pieces = anyio.Event()
            await self._has_pieces.wait()
        piece = self._pieces.popleft()
        if isinstance(piece, Exception):
            raise piece
        if isinstance(piece, _Stop):
            raise StopAsyncIteration
        self.taken += 1
        return piece


class GatedProvider:
    """Answers what the test says, and records who came and how he left.

    `error_on_entry` and `error_on_exit` are raised there; without `may_leave` it is slow to close after a good end:
    until the call's event is set.
    """

    name = "gated"
    models: tuple[str, ...] = ("gated-1",)
    is_ready = True

    def __init__(
        self,
        *,
        error_on_entry: Exception | None = None,
        error_on_exit: Exception | None = None,
        may_leave: bool = True,
    ) -> None:
        self.calls: list[GatedCall] = []
        self._error_on_entry = error_on_entry
        self._error_on_exit = error_on_exit
        self._may_leave = may_leave
        self._given = 0
        self._is_entered = anyio.Event()

    async def next_call(self) -> GatedCall:
        """Wait for the next call that was not given out yet."""
        with anyio.fail_after(5):
            while len(self.calls) == self._given:
                await self._is_entered.wait()
        self._given += 1
        return self.calls[self._given - 1]

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Piece]]:
        if self._error_on_entry is not None:
            raise self._error_on_entry
        call = GatedCall(prompt, may_leave=self._may_leave)
        self.calls.append(call)
        self._is_entered.set()
        self._is_entered = anyio.Event()
        try:
            yield call
            await call.may_leave.wait()
        except anyio.get_cancelled_exc_class():
            call.was_cancelled = True
            raise
        finally:
            call.is_left.set()
        if self._error_on_exit is not None:
            raise self._error_on_exit


async def settle() -> None:
    """Let everything happen that can happen without the test."""
    for _ in range(20):  # on asyncio the next line takes 0.1 s where it finds work
        await checkpoint()
    await anyio.wait_all_tasks_blocked()


async def start(replies: Replies, provider: GatedProvider, opening: Opening = DETACHED) -> tuple[Reply, GatedCall]:
    """Open a reply and wait until its call has reached the provider."""
    reply = replies.open(PROMPT, opening, provider)
    return reply, await provider.next_call()


async def read(reply: Reply) -> tuple[list[str], End]:
    """Read a reply from its beginning to its end."""
    reader, texts = Reader(reply), []
    with anyio.fail_after(5):
        while True:
            await reader.wait()
            reader.take_stage()
            batch = reader.take()
            texts += batch
            if not batch and reader.end is not None:
                return texts, reader.end
