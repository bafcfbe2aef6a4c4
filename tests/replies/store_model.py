"""What the reply store should do, simply: the model that store_machine.py drives beside it."""

from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from protocol.errors import Code
from sidecar.errors import Cancelled, InvalidParameter
from sidecar.replies import End, Opening, Reply, ReplyLimits
from sidecar.replies.reply import Call
from sidecar.replies.store import REPLY_OVERHEAD_BYTES, ReplyStore
from tests.replies.fakes import DONE, PROMPT, USAGE

OFFSET_BYTES = 8
MAX_REPLY_BYTES = 30


@dataclass(eq=False)
class ModelCall:
    call: Call
    share_key: str | None
    deltas: list[str] = field(default_factory=list)
    replies: "list[ModelReply]" = field(default_factory=list)
    stops: int = 0
    cached_until: float | None = None

    @property
    def is_wanted(self) -> bool:
        return any(reply.end is None for reply in self.replies)

    @property
    def cost_bytes(self) -> int:
        return sum(len(delta.encode()) + OFFSET_BYTES for delta in self.deltas)

    def stop(self) -> None:
        self.stops += 1


@dataclass(eq=False)
class ModelReply:
    reply: Reply
    call: ModelCall
    opening: Opening
    readers: int = 1
    deltas: list[str] | None = None
    """Its text, once it has ended."""
    end: str | None = None
    leaves_at: float | None = None
    """When it goes, or is cancelled, if nobody reads it then."""


class StoreModel(RuleBasedStateMachine):
    """The store, and what should be in it."""

    @initialize(
        max_logs=st.integers(2, 8),
        room=st.sampled_from([0, 20, 50, 100]),
        max_running=st.integers(2, 6),
        grace=st.sampled_from([0.0, 15.0]),
        resume=st.sampled_from([5.0, 600.0]),
        cache=st.sampled_from([0.0, 10.0, 10.0]),
    )
    def begin(self, max_logs: int, room: int, max_running: int, grace: float, resume: float, cache: float) -> None:
        self.now = 1000.0
        self.limits = ReplyLimits(
            max_reply_bytes=MAX_REPLY_BYTES,
            max_total_bytes=max_logs * REPLY_OVERHEAD_BYTES + room,
            max_running=max_running,
            grace_seconds=grace,
            resume_seconds=resume,
            cache_seconds=cache,
        )
        self.store = ReplyStore(self.limits)
        self.replies: list[ModelReply] = []
        """Those that are kept."""
        self.ended: list[ModelReply] = []
        """Of these, the detached ones that have ended, in the order in which they did."""
        self.writing: list[ModelCall] = []
        """The calls whose writers are at work."""
        self.cached: list[ModelCall] = []
        """The calls whose answers are given again, in the order in which they ended."""

    def _known(self, opening: Opening) -> ModelReply | None:
        key = (opening.user_id, opening.key)
        models = (model for model in self.replies if (model.opening.user_id, model.opening.key) == key)
        return next(models, None) if opening.key is not None else None

    def _open_known(self, known: ModelReply, opening: Opening) -> None:
        if known.opening.fingerprint != opening.fingerprint:
            with pytest.raises(InvalidParameter):
                self.store.open(PROMPT, opening, self.now)
        else:
            assert self.store.open(PROMPT, opening, self.now) == (known.reply, None)
            known.readers += 1

    def _shared(self, opening: Opening) -> ModelCall | None:
        running = [call for call in self.writing if call.is_wanted]
        calls = (call for call in running + self.cached if call.share_key == opening.fingerprint)
        return next(calls, None) if opening.may_share else None

    def _add(self, model: ModelReply) -> None:
        model.call.replies.append(model)
        self.replies.append(model)

    def _total_bytes(self) -> int:
        logs = sum(call.cost_bytes for call in {model.call for model in self.replies} | set(self.cached))
        return logs + REPLY_OVERHEAD_BYTES * (len(self.replies) + len(self.cached))

    def _make_room(self, wanted_bytes: int) -> bool:
        """Drop what is cached, then the oldest that nobody reads, as the store must; False where that is not enough."""
        while self._total_bytes() + wanted_bytes > self.limits.max_total_bytes:
            if self.cached:
                self.cached.pop(0)
                continue
            oldest = next((model for model in self.ended if not model.readers), None)
            if oldest is None:
                return False
            self._forget(oldest)
        return True

    def _leave(self, model: ModelReply) -> None:
        self.store.leave(model.reply, self.now)
        model.readers -= 1
        if not model.readers and not model.opening.is_detached:
            self._forget(model)
        elif not model.readers and model.end is None:
            own = model.opening.grace_seconds
            model.leaves_at = self.now + (self.limits.grace_seconds if own is None else own)

    def _finish(self, model: ModelCall, *, is_good: bool) -> None:
        end = DONE if is_good else End(usage=USAGE, error=Cancelled("Nobody waits."))
        is_cacheable = bool(is_good and model.is_wanted and model.share_key and self.limits.cache_seconds)
        self.store.finish(model.call, end, self.now)
        self.writing.remove(model)
        if is_cacheable:
            while self.cached and self._total_bytes() + REPLY_OVERHEAD_BYTES > self.limits.max_total_bytes:
                self.cached.pop(0)
            if self._total_bytes() + REPLY_OVERHEAD_BYTES <= self.limits.max_total_bytes:
                model.cached_until = self.now + self.limits.cache_seconds
                self.cached.append(model)
        for reply in model.replies[:]:
            self._end(reply, "stop" if is_good else Code.CANCELLED)

    def _end(self, model: ModelReply, end: str) -> None:
        if model.end is None:
            model.end, model.deltas = end, model.call.deltas[:]
            if model.opening.is_detached:
                model.leaves_at = self.now + self.limits.resume_seconds
                self.ended.append(model)

    def _expire(self) -> None:
        again = self.store.expire(self.now)
        for model in self.replies[:]:
            if not model.readers and model.end is None and model.leaves_at is not None and model.leaves_at <= self.now:
                self._end(model, Code.CANCELLED)
        for model in self.ended[:]:
            if not model.readers and model.leaves_at is not None and model.leaves_at <= self.now:
                self._forget(model)
        self.cached = [call for call in self.cached if call.cached_until is not None and call.cached_until > self.now]
        times = [model.leaves_at for model in self.replies if not model.readers and model.leaves_at is not None]
        times += [call.cached_until for call in self.cached if call.cached_until is not None]
        assert again == min(times, default=None)

    def _forget(self, model: ModelReply) -> None:
        self.replies.remove(model)
        model.call.replies.remove(model)
        if model in self.ended:
            self.ended.remove(model)
