"""A connection in memory and a provider whose pieces the test hands out."""

import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel

from protocol.messages import FinishReason, Usage
from sidecar.providers import Finish, Piece, Prompt, Text
from sidecar.session import PeerGone

_RECEIVE_BYTES = 64 * 1024


class Changes:
    """Wakes those who wait for something that others change."""

    def __init__(self) -> None:
        self._changed = anyio.Event()

    def notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def wait(self) -> None:
        await self._changed.wait()

    async def until(self, is_so: Callable[[], object]) -> None:
        with anyio.fail_after(20):
            while not is_so():
                await self.wait()


class MemoryStream:
    """A `ByteStream` whose peer is a test. It holds its session to the rule of one sender at a time."""

    def __init__(self, *, room: float = math.inf) -> None:
        self.arrived = bytearray()
        """What the peer has got."""
        self.is_finished = False
        """Whether the peer has been told that nothing more comes."""
        self.is_closed = False
        self.changes = Changes()
        self._room = room
        self._chunks: deque[bytes] = deque()
        self._has_ended = False
        self._is_broken = False
        self._is_sending = False

    # The peer's side.

    def deliver(self, chunk: bytes) -> None:
        """Let the sidecar receive `chunk`, apart from what came before."""
        self._chunks.extend(chunk[at : at + _RECEIVE_BYTES] for at in range(0, len(chunk), _RECEIVE_BYTES))
        self.changes.notify()

    def end(self) -> None:
        """Close the peer's sending side."""
        self._has_ended = True
        self.changes.notify()

    def leave(self) -> None:
        """Close both sides: what is sent from now on breaks, what was delivered can be received."""
        self._is_broken = True
        self.end()

    def reset(self) -> None:
        """Break the connection: what was delivered is lost."""
        self._chunks.clear()
        self.leave()
        self._has_ended = False

    def take(self, room: float) -> None:
        """Let so many bytes more be sent."""
        self._room += room
        self.changes.notify()

    # The sidecar's side.

    async def receive(self) -> bytes:
        await anyio.lowlevel.checkpoint()
        while not self._chunks and not self._has_ended:
            self._check()
            await self.changes.wait()
        return self._chunks.popleft() if self._chunks else b""

    def send_now(self, chunk: bytes | memoryview) -> int:
        assert not self._is_sending, "two at once would mix their messages"
        return self._send(chunk)

    async def send_some(self, chunk: bytes | memoryview) -> int:
        assert not self._is_sending, "two at once would mix their messages"
        self._is_sending = True
        try:
            while not (sent := self._send(chunk)):
                await self.changes.wait()
        finally:
            self._is_sending = False
        return sent

    def is_gone(self) -> bool:
        return self._is_broken

    def close_sending(self) -> None:
        self.is_finished = True
        self.changes.notify()

    def close(self) -> None:
        self.is_closed = self.is_finished = True
        self.changes.notify()

    def _send(self, chunk: bytes | memoryview) -> int:
        self._check()
        assert not self.is_finished, "nothing is sent after the end"
        sent = int(min(len(chunk), self._room))
        self.arrived += chunk[:sent]
        self._room -= sent
        self.changes.notify()
        return sent

    def _check(self) -> None:
        if self._is_broken or self.is_closed:
            raise PeerGone


class Call:
    """One question to the provider: the test says what is answered, and when."""

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt
        self.has_left = False
        """Whether the sidecar is through with it."""
        self.was_cancelled = False
        self.changes = Changes()
        self._pieces: deque[Piece | Exception] = deque()

    def say(self, *texts: str) -> None:
        self.put(*map(Text, texts))

    def finish(self, reason: FinishReason = "stop", usage: Usage | None = None) -> None:
        self.put(Finish(reason, usage))

    def fail(self, error: Exception) -> None:
        self.put(error)

    async def left(self) -> None:
        """Wait until the sidecar is through with it."""
        await self.changes.until(lambda: self.has_left)

    def put(self, *pieces: Piece | Exception) -> None:
        self._pieces.extend(pieces)
        self.changes.notify()

    def __aiter__(self) -> "Call":
        return self

    async def __anext__(self) -> Piece:
        await anyio.lowlevel.checkpoint()
        while not self._pieces:
            await self.changes.wait()
        piece = self._pieces.popleft()
        if isinstance(piece, Exception):
            raise piece
        return piece


class GatedProvider:
    """A provider that answers what a test says, and records who came and how he left."""

    name = "gated"
    models = ("gated-1",)
    is_ready = True

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.changes = Changes()
        self._given = 0

    async def next_call(self) -> Call:
        """Wait for the next call that was not given out yet."""
        await self.changes.until(lambda: len(self.calls) > self._given)
        self._given += 1
        return self.calls[self._given - 1]

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Piece]]:
        call = Call(prompt)
        self.calls.append(call)
        self.changes.notify()
        try:
            yield call
        except anyio.get_cancelled_exc_class():
            call.was_cancelled = True
            raise
        finally:
            call.has_left = True
            call.changes.notify()


class EchoingProvider:
    """A provider that answers the text word by word, by itself."""

    name = "echoing"
    models = ("echo-1",)
    is_ready = True

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Piece]]:
        call = Call(prompt)
        call.say(*(f"{word} " for word in prompt.subject.split()))
        call.finish()
        yield call
