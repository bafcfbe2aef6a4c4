"""Answers that are kept for whoever asks the same, and results: what they take, and what makes room."""

from msgspec.structs import replace

from protocol.errors import Code
from sidecar.providers.interface import Result
from sidecar.replies import Opening, ReplyLimits
from sidecar.replies.store import REPLY_OVERHEAD_BYTES, ReplyStore
from tests.replies.fakes import DONE, PROMPT, USAGE, error_code
from tests.replies.storing import is_kept, keep, start

SHARED = Opening(fingerprint="f", may_share=True)


def cache(store: ReplyStore, opening: Opening, text: str) -> None:
    """Have an answer kept for whoever asks the same, and by nobody else."""
    reply, call = start(store, opening)
    store.append(call, text)
    store.finish(call, DONE, 0.0)
    store.leave(reply, 0.0)


def test_what_is_only_cached_makes_room_before_anything_that_somebody_may_come_back_for() -> None:
    store = ReplyStore(ReplyLimits(max_total_bytes=3 * REPLY_OVERHEAD_BYTES + 2 * (1 + 8), cache_seconds=60))
    kept = keep(store, "x", 0.0)
    cache(store, SHARED, "x")
    start(store)
    assert store.cached == 1
    start(store)
    assert (store.cached, is_kept(store, kept)) == (0, True)


def test_the_room_for_a_reply_may_cost_the_answer_that_it_would_share() -> None:
    store = ReplyStore(ReplyLimits(max_total_bytes=2 * REPLY_OVERHEAD_BYTES + 9, cache_seconds=60))
    cache(store, SHARED, "x")
    start(store)
    assert store.cached == 1
    reply, call = start(store, SHARED)
    assert call.is_running
    assert not reply.is_shared


def test_nothing_is_dropped_to_keep_an_answer_but_older_ones() -> None:
    store = ReplyStore(ReplyLimits(max_total_bytes=3 * REPLY_OVERHEAD_BYTES, cache_seconds=60))
    cache(store, SHARED, "")
    kept = keep(store, "", 0.0)
    _, call = start(store, Opening(fingerprint="g", may_share=True))
    store.finish(call, DONE, 0.0)  # in the place of the one before
    assert (store.cached, is_kept(store, kept)) == (1, True)
    _, call = start(store, Opening(fingerprint="h", may_share=True))
    store.finish(call, DONE, 0.0)
    assert (store.cached, is_kept(store, kept)) == (0, True)


def test_a_cached_answer_holds_no_prompt() -> None:
    store = ReplyStore(ReplyLimits(cache_seconds=60))
    cache(store, SHARED, "x")
    again, _ = store.open(PROMPT, SHARED, 1.0)
    assert again.call.prompt.messages == ()
    assert again.call.prompt.model == PROMPT.model


RESULT = Result(value={"main_ideas": ["x"]}, text="x" * 100)


def test_a_result_counts_as_long_as_it_is_kept() -> None:
    store = ReplyStore(ReplyLimits(resume_seconds=1))
    reply, call = start(store)
    before = store.total_bytes
    store.finish(call, replace(DONE, result=RESULT), 0.0)
    assert store.total_bytes == before + 200
    assert reply.end == replace(DONE, result=RESULT)
    store.leave(reply, 0.0)
    store.expire(2.0)
    assert store.total_bytes == 0


def test_a_result_that_comes_when_all_have_left_takes_nothing() -> None:
    store = ReplyStore(ReplyLimits(cache_seconds=60))
    reply, call = start(store, Opening(fingerprint="f", may_share=True))
    store.leave(reply, 0.0)
    store.finish(call, replace(DONE, result=RESULT), 0.0)
    assert (store.total_bytes, store.cached) == (0, 0)


def test_a_result_for_which_there_is_no_room_ends_the_reply_with_an_error() -> None:
    store = ReplyStore(ReplyLimits(max_total_bytes=REPLY_OVERHEAD_BYTES + 199))
    reply, call = start(store)
    store.finish(call, replace(DONE, result=RESULT), 0.0)
    assert error_code(reply.end) == Code.OVERLOADED
    assert reply.end is not None
    assert (reply.end.result, reply.end.usage) == (None, USAGE)
    store.leave(reply, 0.0)
