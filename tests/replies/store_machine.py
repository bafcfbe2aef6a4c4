"""The reply store beside a simple model of it, driven by hypothesis: whatever is done in whatever order."""

from collections.abc import Sized

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from protocol.errors import Code
from sidecar.errors import Draining, NotFound, Overloaded, TooLarge
from sidecar.replies import Opening, Reader
from sidecar.replies.store import REPLY_OVERHEAD_BYTES, ReplyStore
from tests.replies.fakes import PROMPT
from tests.replies.store_model import MAX_REPLY_BYTES, OFFSET_BYTES, ModelCall, ModelReply, StoreModel


def entries(store: ReplyStore) -> int:
    """Return how much there is in all the tables of a store."""
    return sum(len(table) for table in vars(store).values() if isinstance(table, Sized))


class StoreMachine(StoreModel):
    """Whatever is done is done to both, and they must agree."""

    # What the process does.

    @rule(user_id=st.sampled_from([None, "1", "2"]), is_detached=st.booleans(), grace=st.sampled_from([None, 0.0, 7.0]))
    def open(self, user_id: str | None, is_detached: bool, grace: float | None) -> None:
        self._open(Opening(user_id=user_id, is_detached=is_detached, grace_seconds=grace))

    @rule(user_id=st.sampled_from([None, "1"]), fingerprint=st.sampled_from(["f", "f", "g"]), may_share=st.booleans())
    def open_by_key(self, user_id: str | None, fingerprint: str, may_share: bool) -> None:
        opening = Opening(user_id=user_id, is_detached=True, key="k", fingerprint=fingerprint, may_share=may_share)
        self._open(opening)

    @rule(is_detached=st.booleans(), fingerprint=st.sampled_from(["f", "g"]))
    def open_shared(self, is_detached: bool, fingerprint: str) -> None:
        self._open(Opening(is_detached=is_detached, fingerprint=fingerprint, may_share=True))

    def _open(self, opening: Opening) -> None:
        if (known := self._known(opening)) is not None:
            self._open_known(known, opening)
            return
        shared = self._shared(opening)
        if shared is not None and not self._make_room(REPLY_OVERHEAD_BYTES):
            self._refuse(opening)
        elif shared is not None and shared is self._shared(opening):  # the room may have been its own
            reply, call = self.store.open(PROMPT, opening, self.now)
            assert (reply.is_shared, call) == (True, None)
            assert reply.call is shared.call
            model = ModelReply(reply, shared, opening)
            self._add(model)
            if shared in self.cached:
                self._end(model, "stop")
        elif len(self.writing) >= self.limits.max_running or not self._make_room(REPLY_OVERHEAD_BYTES):
            self._refuse(opening)
        else:
            reply, call = self.store.open(PROMPT, opening, self.now)
            assert call is reply.call
            assert not reply.is_shared
            new = ModelCall(call, opening.fingerprint if opening.may_share else None)
            call.bind(new.stop)
            self.writing.append(new)
            self._add(ModelReply(reply, new, opening))

    def _refuse(self, opening: Opening) -> None:
        with pytest.raises(Overloaded) as caught:
            self.store.open(PROMPT, opening, self.now)
        assert caught.value.retry_after

    @precondition(lambda self: self.replies)
    @rule(draw=st.data())
    def attach(self, draw: st.DataObject) -> None:
        """Resume: find, then attach."""
        model = draw.draw(st.sampled_from(self.replies))
        user_id = draw.draw(st.sampled_from([None, "1", "2"]))
        if not model.opening.is_detached or None is not user_id != model.opening.user_id is not None:
            with pytest.raises(NotFound):
                self.store.find(model.reply.id, user_id)
        else:
            assert self.store.find(model.reply.id, user_id) is model.reply
            self.store.attach(model.reply)
            model.readers += 1

    @precondition(lambda self: any(model.readers for model in self.replies))
    @rule(draw=st.data())
    def leave(self, draw: st.DataObject) -> None:
        model = draw.draw(st.sampled_from([model for model in self.replies if model.readers]))
        self._leave(model)

    @precondition(lambda self: self.writing)
    @rule(draw=st.data(), text=st.text("aé😀\ud800", min_size=1, max_size=5))
    def append(self, draw: st.DataObject, text: str) -> None:
        model = draw.draw(st.sampled_from(self.writing))
        text_as_kept = text.replace("\ud800", "?")
        size = len(text_as_kept.encode())
        if not model.is_wanted:
            self.store.append(model.call, text)  # does nothing: its writer is about to be stopped
        elif sum(len(delta.encode()) for delta in model.deltas) + size > MAX_REPLY_BYTES:
            with pytest.raises(TooLarge):
                self.store.append(model.call, text)
        elif not self._make_room(size + OFFSET_BYTES):
            with pytest.raises(Overloaded):
                self.store.append(model.call, text)
        else:
            self.store.append(model.call, text)
            model.deltas.append(text_as_kept)

    @precondition(lambda self: self.writing)
    @rule(draw=st.data(), is_good=st.booleans())
    def finish(self, draw: st.DataObject, is_good: bool) -> None:
        self._finish(draw.draw(st.sampled_from(self.writing)), is_good=is_good)

    @precondition(lambda self: self.replies)
    @rule(draw=st.data())
    def cancel(self, draw: st.DataObject) -> None:
        model = draw.draw(st.sampled_from(self.replies))
        self.store.cancel(model.reply, self.now)
        self._end(model, Code.CANCELLED)

    @precondition(lambda self: self.replies)
    @rule(seconds=st.sampled_from([0.0, 1.0, 5.0, 15.0, 600.0]))
    def pass_time(self, seconds: float) -> None:
        """The clock goes on, and the store looks."""
        self.now += seconds
        self._expire()

    @precondition(lambda self: self.replies)
    @rule()
    def pass_time_until_something_is_over(self) -> None:
        """Nothing happens before the time that the store says."""
        again = self.store.expire(self.now)
        self._expire()
        if again is not None:
            self.now = again - 0.001
            count = len(self.replies), len(self.ended), len(self.cached)
            self._expire()
            assert (len(self.replies), len(self.ended), len(self.cached)) == count
            self.now = again
            self._expire()
            assert (len(self.replies), len(self.ended), len(self.cached)) != count

    @precondition(lambda self: len(self.replies) > 2)  # else it would end most of them
    @rule()
    def end_all(self) -> None:
        self.store.end_all(Draining("Good night."), self.now)
        for model in self.replies[:]:
            self._end(model, Code.DRAINING)

    # What holds whatever was done.

    @invariant()
    def the_bytes_are_those_of_the_logs_that_can_be_reached(self) -> None:
        logs = {model.reply.call.log for model in self.replies} | {model.call.log for model in self.cached}
        overhead = REPLY_OVERHEAD_BYTES * (len(self.replies) + len(self.cached))
        assert self.store.total_bytes == sum(log.cost_bytes for log in logs) + overhead
        assert self.store.prompt_bytes == sum(model.call.prompt_bytes for model in self.writing)
        assert self.store.total_bytes == self._total_bytes()
        assert self.store.total_bytes <= self.limits.max_total_bytes

    @invariant()
    def there_is_what_the_model_has_and_nothing_else(self) -> None:
        assert len(self.store) == len(self.replies)
        assert self.store.running == {model.call for model in self.writing}
        assert self.store.cached == len(self.cached)
        assert entries(self.store) <= 4 * len(self.replies) + len(self.writing) + 2 * len(self.cached)

    @invariant()
    def every_reply_has_its_text_behind_every_delta_and_its_end(self) -> None:
        for model in self.replies:
            deltas = model.deltas if model.deltas is not None else model.call.deltas
            assert model.reply.text == "".join(deltas)
            assert model.reply.last_seq == len(deltas)
            for after in range(len(deltas) + 1):
                assert Reader(model.reply, after=after).take() == deltas[after:]
            end = model.reply.end
            assert (end and (end.error.code if end.error else end.finish_reason)) == model.end

    @invariant()
    def a_call_is_stopped_exactly_when_its_last_reply_is_over(self) -> None:
        for model in self.writing:
            assert model.call.is_abandoned is bool(model.stops) is not model.is_wanted

    def teardown(self) -> None:
        """When all have left and time has passed, nothing is left."""
        for model in self.replies[:]:
            while model.readers:
                self._leave(model)
        self.now += max(self.limits.grace_seconds, 7.0)
        self._expire()
        for call in self.writing[:]:
            self._finish(call, is_good=False)
        self.now += max(self.limits.resume_seconds, self.limits.cache_seconds)
        self._expire()
        assert self.store.expire(self.now) is None
        assert (len(self.store), self.store.total_bytes, self.store.prompt_bytes, entries(self.store)) == (0, 0, 0, 0)

    # The model.
