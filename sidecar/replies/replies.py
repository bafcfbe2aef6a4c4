"""The replies of a running process: the store, the tasks that write the logs, and the clock."""

import logging
from time import perf_counter
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import TaskGroup
from msgspec.structs import replace

from sidecar.errors import Cancelled, SidecarError, Truncated
from sidecar.observability import Metrics
from sidecar.providers.interface import Finish, Flow, Piece, Prompt, Provider, Stage, Text
from sidecar.replies.log import End
from sidecar.replies.opening import Opening, ReplyLimits
from sidecar.replies.reply import Call, Reply
from sidecar.replies.store import ReplyStore

logger = logging.getLogger(__name__)


class Replies:
    """Opens, finds and ends replies. An async context manager: what still runs at its end is stopped."""

    def __init__(self, limits: ReplyLimits, metrics: Metrics | None = None) -> None:
        self._store = ReplyStore(limits)
        self.metrics = metrics or Metrics()
        self.metrics.watch("sidecar_replies", "Replies that are being written or kept.", lambda: len(self._store))
        self.metrics.watch("sidecar_replies_bytes", "What they take.", lambda: self._store.total_bytes)
        self.metrics.watch("sidecar_cached", "Answers kept for whoever asks the same.", lambda: self.cached)
        self.metrics.watch("sidecar_calls_running", "Calls to a provider that run.", lambda: self.running)
        self._tasks: TaskGroup
        self._has_deadline = anyio.Event()

    async def __aenter__(self) -> Self:
        self._tasks = await anyio.create_task_group().__aenter__()
        self._tasks.start_soon(self._expire)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._tasks.cancel_scope.cancel()
        return await self._tasks.__aexit__(kind, exc, trace)

    @property
    def running(self) -> int:
        """How many calls are being written."""
        return len(self._store.running)

    @property
    def cached(self) -> int:
        """How many answers are kept for whoever asks the same."""
        return self._store.cached

    def open(self, prompt: Prompt, opening: Opening, provider: Provider) -> Reply:
        """Return the attached reply for a request, and start the call that writes it where there is none to share.

        Raises: as `ReplyStore.open`.
        """
        reply, call = self._store.open(prompt, opening, anyio.current_time())
        self._has_deadline.set()
        if call is not None:
            self._tasks.start_soon(self._write, call, provider)
        return reply

    def find(self, reply_id: str, user_id: str | None) -> Reply:
        """Return a detached reply, not attached. Raises NotFound."""
        return self._store.find(reply_id, user_id)

    def attach(self, reply: Reply) -> None:
        """Count a reader, who must `leave` once."""
        self._store.attach(reply)

    def leave(self, reply: Reply) -> None:
        self._store.leave(reply, anyio.current_time())
        self._has_deadline.set()

    def cancel(self, reply: Reply) -> None:
        """End a running reply; an ended one stays as it is."""
        self._store.cancel(reply, anyio.current_time())
        self._has_deadline.set()

    def end_all(self, error: SidecarError) -> None:
        """End every running reply with `error`."""
        self._store.end_all(error, anyio.current_time())

    async def _expire(self) -> None:
        while True:
            again = self._store.expire(anyio.current_time())
            self._has_deadline = anyio.Event()
            with anyio.CancelScope(deadline=again if again is not None else float("inf")):
                await self._has_deadline.wait()

    async def _write(self, call: Call, provider: Provider) -> None:
        """Write one call's log, from the provider's first piece to exactly one end."""
        error: SidecarError = Cancelled("Nobody waits for the reply any more.")
        began = perf_counter()
        try:
            with anyio.CancelScope() as scope:
                call.bind(scope.cancel)
                error = await self._copy(call, provider)
        finally:  # also where the process ends: what was spent is booked
            if call.is_running:
                self._finish(call, End(usage=call.estimated_usage(), error=error))
            self._count(call, provider.name, began)

    def _count(self, call: Call, provider: str, began: float) -> None:
        end, prompt, metrics = call.log.end, call.prompt, self.metrics
        assert end is not None  # noqa: S101 - it is over
        if call.first_text is not None:
            metrics.call_began_to_answer(
                provider=provider, model=prompt.model, action=prompt.action, seconds=call.first_text - began
            )
        metrics.call_ended(
            provider=provider,
            model=prompt.model,
            action=prompt.action,
            seconds=perf_counter() - began,
            usage=end.usage,
            error=None if end.error is None else end.error.code,
        )

    async def _copy(self, call: Call, provider: Provider) -> SidecarError:
        """Copy the provider's pieces into the log; return what went wrong where its own end did not come.

        The end is written before the provider is left: closing a connection may take its time.
        """
        try:
            async with provider.stream(call.prompt) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Flow):
                        await self._run(call, piece)
                    else:
                        self._put(call, piece)
                    if not call.is_running:
                        break
        except SidecarError as exc:
            return exc
        except Exception:  # a fence: a provider's bug ends its own call only
            logger.exception("call failed provider=%s action=%s", provider.name, call.prompt.action)
            return SidecarError("The sidecar failed while it read the provider's answer; its log has the cause.")
        return Truncated("The provider's answer broke off before its end.")

    def _put(self, call: Call, piece: Piece) -> None:
        if isinstance(piece, Finish):
            usage = piece.usage or call.estimated_usage()
            self._finish(call, End(usage=usage, finish_reason=piece.reason, result=piece.result))
            return
        if isinstance(piece, Stage):
            call.log.report(piece)
            return
        if not isinstance(piece, Text):  # a count, which is not for the log
            return
        if call.first_text is None:
            call.first_text = perf_counter()
        try:
            self._store.append(call, piece.text)
        except SidecarError as exc:
            self._finish(call, End(usage=call.estimated_usage(), error=exc))

    async def _run(self, call: Call, flow: Flow) -> None:
        """Write what flows, each text as it comes."""
        failure: SidecarError | None = None

        def take(text: str) -> bool:
            nonlocal failure
            try:
                self._store.append(call, text)
            except SidecarError as exc:
                failure = exc
            return failure is None

        await flow.run(take)
        if failure is not None:  # here, and not within: there is no task
            self._finish(call, End(usage=call.estimated_usage(), error=failure))

    def _finish(self, call: Call, end: End) -> None:
        """Write the end and book it in one go: whoever reads it may ask the next question at once."""
        if end.error is not None:
            end = replace(end, error=end.error.untraced())
        self._store.finish(call, end, anyio.current_time())
        self._has_deadline.set()
        booking, call.booking = call.booking, None
        if booking is not None:
            end = call.log.end or end  # it may have become another
            booking.settle(end.usage, finish_reason=end.finish_reason, error=end.error)
