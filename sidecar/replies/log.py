"""The reply log: one writer appends, any number of readers follow, each with its own cursor."""

from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio
from msgspec import Struct

from protocol.messages import FinishReason, Usage
from sidecar.errors import SidecarError
from sidecar.providers.interface import Result, Stage

# One batch of a reader that lags: large enough for few sends, small beside what a connection may hold back. Deltas are
# counted, too, because each becomes a message of some 80 bytes: 64 KiB of single characters were 5.5 MB at once.
_BATCH_BYTES = 64 * 1024
_BATCH_DELTAS = 1024


class End(Struct, frozen=True, kw_only=True):
    """How a reply ended: with a reason or with an error, never with both."""

    usage: Usage
    finish_reason: FinishReason | None = None
    error: SidecarError | None = None
    result: Result | None = None
    """In place of a text."""

    @property
    def result_bytes(self) -> int:
        """About what the result takes of the memory set aside for all logs."""
        return 0 if self.result is None else 2 * len(self.result.text.encode(errors="replace"))


class ReplyLog:
    """The text of one reply in numbered deltas, then its end.

    Deltas are kept as one run of UTF-8 with an offset for each, so that a delta of one character costs nine bytes and
    the bound on bytes is a bound on memory.
    """

    def __init__(self) -> None:
        self._text = bytearray()
        self._offsets = array("L", [0])
        self.last_seq = 0
        """The number of the last delta; 0 before the first."""
        self.text_bytes = 0
        self.stage: Stage | None = None
        self.end: End | None = None
        self._watchers: list[Callable[[], None]] = []
        self._ended: anyio.Event | None = None

    @property
    def cost_bytes(self) -> int:
        """What the log takes of the memory set aside for all logs."""
        result_bytes = 0 if self.end is None else self.end.result_bytes
        return self.text_bytes + self._offsets.itemsize * self.last_seq + result_bytes

    def cost_of(self, text: bytes) -> int:
        """Return how much the log will cost more with one more delta."""
        return len(text) + self._offsets.itemsize

    def append(self, text: bytes) -> None:
        """Append one delta: UTF-8, not empty."""
        self._text += text
        self.text_bytes += len(text)
        self._offsets.append(self.text_bytes)
        self.last_seq += 1
        self.wake()

    def report(self, stage: Stage) -> None:
        """Say how far the work is. Only the latest stage is kept: it is a state, not a history."""
        self.stage = stage
        self.wake()

    def finish(self, end: End) -> None:
        """Write the end; nothing follows it."""
        self.end = end
        self.wake()
        self.wake_ended()

    def text_until(self, seq: int) -> str:
        """Return the text of the deltas 1 to `seq`."""
        return bytes(memoryview(self._text)[: self._offsets[seq]]).decode()

    def batch(self, after: int, until: int) -> list[str]:
        """Return the deltas behind `after`, not beyond `until`: all of them, or about 64 KiB, or 1,024."""
        offsets = self._offsets
        start = offsets[after]
        if until == after + 1:  # to a reader that keeps up
            return [self._text[start : offsets[until]].decode()]
        text = memoryview(self._text)
        batch = []
        for seq in range(after + 1, min(until, after + _BATCH_DELTAS) + 1):
            end = offsets[seq]
            batch.append(str(text[offsets[seq - 1] : end], "utf-8"))
            if end - start >= _BATCH_BYTES:
                break
        return batch

    def wake(self) -> None:
        """Let everyone look who waits for a change."""
        for watcher in self._watchers:
            watcher()

    def wake_ended(self) -> None:
        """Let everyone look again who waits for the end."""
        if self._ended is not None:
            self._ended.set()
            self._ended = None

    @contextmanager
    def watched(self, watcher: Callable[[], None]) -> Iterator[None]:
        """Call `watcher` at each change within the block, by whoever makes it. It raises nothing and does not leave."""
        self._watchers.append(watcher)
        try:
            yield
        finally:
            self._watchers.remove(watcher)

    async def ended(self) -> None:
        """Wait for an end, the log's own or that of a reply on it; deltas wake nobody here."""
        if self._ended is None:
            self._ended = anyio.Event()
        await self._ended.wait()
