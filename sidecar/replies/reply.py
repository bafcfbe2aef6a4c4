"""A reply is one request's hold on a call; a call is one question to the provider, with the log of its answer.

Several replies may share a call. Each has its own id, its own readers and its own way to end; the call ends with its
last.
"""

from collections.abc import Callable

import anyio
from msgspec.structs import replace

from protocol.messages import Usage
from sidecar.errors import SidecarError
from sidecar.providers.interface import Prompt, Stage
from sidecar.replies.log import End, ReplyLog
from sidecar.texts.tokens import tokens_in
from sidecar.usage import Booking


class Call:
    """One question to the provider."""

    def __init__(
        self, prompt: Prompt, *, share_key: str | None = None, spent: Callable[[], Usage] | None = None
    ) -> None:
        self.prompt = prompt
        self.share_key = share_key
        self.prompt_bytes = _size(prompt)
        """What the prompt takes of the memory set aside for all of them, until the end."""
        self.log = ReplyLog()
        self.replies: set[Reply] = set()
        self.booking: Booking | None = None
        """What it is paid with."""
        self.is_abandoned = False
        self.is_cached = False
        """Whether it is kept for whoever asks the same, until `deadline`."""
        self.deadline = 0.0
        self.first_text: float | None = None
        """When the first text came, by `perf_counter`."""
        self._spent = spent
        self._stop: Callable[[], None] | None = None

    @property
    def is_running(self) -> bool:
        return self.log.end is None

    def bind(self, stop: Callable[[], None]) -> None:
        """Say how the writer is stopped; at once where the call was abandoned before it began."""
        self._stop = stop
        if self.is_abandoned:
            stop()

    def finish(self, end: End) -> None:
        """Write the end, and let go of the texts that were asked with: replies are kept, they are not needed."""
        self.log.finish(end)
        self.prompt = replace(self.prompt, system="", messages=(), subject="")
        self._spent = None

    def abandon(self) -> None:
        """Stop the writer: nobody waits for this answer any more."""
        self.is_abandoned = True
        if self._stop is not None:
            self._stop()

    def estimated_usage(self) -> Usage:
        """Return what the call has cost so far, for where the provider gives no count: after a cancel it never does."""
        if self._spent is not None:
            return self._spent()
        if self.log.stage is not None and self.log.stage.is_queued:
            return Usage(prompt_tokens=0, completion_tokens=0)
        return Usage(
            prompt_tokens=self.prompt.estimate_tokens(),
            completion_tokens=tokens_in(self.log.text_bytes),
            estimated=True,
        )


def _size(prompt: Prompt) -> int:
    texts = (prompt.system, prompt.subject, *(message.content for message in prompt.messages))
    return sum(len(text) if text.isascii() else len(text.encode()) for text in texts)


class Reply:
    """One request's hold on a call."""

    def __init__(self, reply_id: str, call: Call, *, user_id: str | None, is_detached: bool, is_shared: bool) -> None:
        self.id = reply_id
        self.call = call
        self.user_id = user_id
        self.is_detached = is_detached
        self.is_shared = is_shared
        self.grace_seconds: float | None = None
        """For how long it goes on without a reader; None: as the store's limits say."""
        self.key: tuple[str | None, str] | None = None
        self.fingerprint: str | None = None
        self.overhead_ms: float | None = None
        """What the sidecar itself took before the provider was asked; 0 where another request had asked already."""
        self.readers = 0
        self.deadline = 0.0
        """When it goes, if nobody reads it then; of a detached one that runs with readers it says nothing."""
        self._own_end: End | None = None
        self._own_last_seq = 0

    @property
    def end(self) -> End | None:
        """How it ended, by itself or with its call; None while it runs."""
        return self._own_end or self.call.log.end

    @property
    def last_seq(self) -> int:
        """The last delta that belongs to it: a shared call may go on after it was cancelled."""
        return self._own_last_seq if self._own_end else self.call.log.last_seq

    @property
    def text(self) -> str:
        """All its text so far."""
        return self.call.log.text_until(self.last_seq)

    def end_with(self, error: SidecarError) -> None:
        """End it here, whatever its call does."""
        log = self.call.log
        self._own_last_seq = log.last_seq
        self._own_end = End(usage=self.call.estimated_usage(), error=error)
        log.wake()
        log.wake_ended()


class Reader:
    """A cursor on a reply: it lags as it likes and holds nobody back."""

    def __init__(self, reply: Reply, *, after: int = 0) -> None:
        self.reply = reply
        self.seq = after
        """The number of the last delta taken."""
        self._stage: Stage | None = None
        self._own_end: End | None = None

    @property
    def end(self) -> End | None:
        """How the reply, or this reading of it, ended."""
        return self._own_end or self.reply.end

    def stop(self, error: SidecarError) -> None:
        """End this reading only, with what it has taken; the reply lives on."""
        log = self.reply.call.log
        usage = self.end.usage if self.end is not None else self.reply.call.estimated_usage()
        self._own_end = End(usage=usage, error=error)
        log.wake()
        log.wake_ended()

    def take(self) -> list[str]:
        """Return some of the next deltas, as `ReplyLog.batch` does, and step behind them."""
        last_seq = self.reply.last_seq
        if self._own_end is not None or self.seq >= last_seq:
            return []
        batch = self.reply.call.log.batch(self.seq, last_seq)
        self.seq += len(batch)
        return batch

    def take_stage(self) -> Stage | None:
        """Return how far the work is, if that is new."""
        stage = self.reply.call.log.stage
        if stage is self._stage:
            return None
        self._stage = stage
        return stage

    def _has_news(self) -> bool:
        log = self.reply.call.log
        return self.seq < self.reply.last_seq or self.end is not None or log.stage is not self._stage

    async def wait(self, take_now: Callable[[], None] | None = None) -> None:
        """Wait until there is something to take, or the end.

        Meanwhile `take_now` is called at each change by whoever writes the log, and may take what is new: a reader that
        keeps up costs no turn of the event loop. What it raises is raised here.
        """
        if self._has_news():
            return
        has_news = anyio.Event()
        failure: Exception | None = None

        def look() -> None:
            nonlocal failure
            if take_now is not None and failure is None:
                try:
                    take_now()
                except Exception as exc:  # noqa: BLE001 (carried to the task that it belongs to)
                    failure = exc
                    has_news.set()
            if self._has_news():
                has_news.set()

        with self.reply.call.log.watched(look):
            await has_news.wait()
        if failure is not None:
            raise failure

    async def wait_end(self) -> End:
        """Wait for the end and return it."""
        while (end := self.end) is None:
            await self.reply.call.log.ended()
        return end
