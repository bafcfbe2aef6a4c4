"""What always holds is in store_machine.py; here is what deserves a name of its own."""

import re

import pytest
from hypothesis import settings

from protocol.errors import Code
from protocol.messages import Usage
from sidecar.errors import Cancelled, InvalidParameter, Overloaded, TooLarge
from sidecar.replies import End, Opening, ReplyLimits
from sidecar.replies.reply import Call
from sidecar.replies.store import REPLY_OVERHEAD_BYTES, ReplyStore
from tests.replies.fakes import DETACHED, DONE, PROMPT, USAGE, error_code
from tests.replies.store_machine import StoreMachine, entries
from tests.replies.storing import is_kept, keep, start

TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=150, stateful_step_count=40)


@pytest.mark.parametrize("has_finished", [True, False])
def test_to_come_and_go_10_000_times_leaves_nothing_behind(has_finished: bool) -> None:
    store = ReplyStore(ReplyLimits())
    reply, call = start(store)
    if has_finished:
        store.finish(call, DONE, 0.0)
    store.leave(reply, 0.0)
    entries_before = entries(store)
    for number in range(10_000):
        store.attach(reply)
        store.leave(reply, number / 1000)
        store.expire(number / 1000)
    assert entries(store) == entries_before


def test_names_of_replies_fit_the_wire_and_are_never_the_same() -> None:
    store = ReplyStore(ReplyLimits())
    names = [start(store)[0].id for _ in range(1000)]
    assert len(set(names)) == 1000
    assert all(re.fullmatch(r"r_[A-Za-z0-9_-]{22}", name) for name in names)


def test_the_oldest_finished_one_that_nobody_reads_makes_room_then_the_next() -> None:
    store = ReplyStore(ReplyLimits(max_total_bytes=4 * REPLY_OVERHEAD_BYTES + 4 * (1 + 8)))
    read, *unread = (keep(store, "x", now) for now in (1.0, 2.0, 3.0))
    store.attach(read)
    running, call = start(store)
    store.append(call, "x")
    assert [is_kept(store, reply) for reply in (read, *unread)] == [True, True, True]
    store.append(call, "x")
    assert [is_kept(store, reply) for reply in (read, *unread)] == [True, False, True]
    start(store)
    start(store)
    assert [is_kept(store, reply) for reply in (read, *unread)] == [True, False, False]
    with pytest.raises(Overloaded) as caught:
        start(store)
    assert "SIDECAR_MAX_REPLIES_BYTES" in str(caught.value)
    assert caught.value.retry_after == 2
    assert is_kept(store, running)


def test_the_room_for_all_logs_is_counted_to_the_byte() -> None:
    store = ReplyStore(ReplyLimits(max_total_bytes=REPLY_OVERHEAD_BYTES + 3 + 8))
    _, call = start(store)
    with pytest.raises(Overloaded):
        store.append(call, "abcd")
    store.append(call, "abc")
    assert store.total_bytes == REPLY_OVERHEAD_BYTES + 3 + 8


def test_a_reply_may_be_as_long_as_its_limit_and_keeps_its_text_when_it_outgrows_it() -> None:
    store = ReplyStore(ReplyLimits(max_reply_bytes=4))
    reply, call = start(store)
    store.append(call, "éé")
    with pytest.raises(TooLarge, match="SIDECAR_MAX_REPLY_BYTES"):
        store.append(call, ".")
    assert reply.text == "éé"


def test_no_more_calls_run_at_once_than_may_and_each_end_admits_another() -> None:
    store = ReplyStore(ReplyLimits(max_running=2))
    _, call = start(store)
    start(store)
    with pytest.raises(Overloaded, match="SIDECAR_MAX_RUNNING"):
        start(store)
    store.finish(call, DONE, 0.0)
    start(store)


def test_who_shares_or_comes_back_by_key_needs_no_place_among_the_running() -> None:
    store = ReplyStore(ReplyLimits(max_running=1))
    opening = Opening(is_detached=True, key="k", fingerprint="f", may_share=True)
    reply, call = start(store, opening)
    assert store.open(PROMPT, opening, 0.0) == (reply, None)
    shared, _ = store.open(PROMPT, Opening(fingerprint="f", may_share=True), 0.0)
    assert shared.call is call


def test_a_call_that_is_being_stopped_is_not_shared_and_its_end_leaves_the_next_one_shared() -> None:
    store = ReplyStore(ReplyLimits())
    opening = Opening(fingerprint="f", may_share=True)
    first, stopped = start(store, opening)
    store.leave(first, 0.0)
    second, call = start(store, opening)
    assert call is not stopped
    store.finish(stopped, End(usage=USAGE, error=Cancelled("Nobody waits.")), 1.0)
    third, none = store.open(PROMPT, opening, 0.0)
    assert (third.call, none) == (call, None)
    assert (second.is_shared, third.is_shared) == (False, True)


def test_a_key_stands_for_one_reply_however_that_ended_until_it_is_gone() -> None:
    store = ReplyStore(ReplyLimits(resume_seconds=600))
    opening = Opening(user_id="1", is_detached=True, key="k", fingerprint="f")
    reply, call = start(store, opening)
    store.finish(call, End(usage=USAGE, error=TooLarge("Too long.")), 0.0)
    assert store.open(PROMPT, opening, 0.0) == (reply, None)
    with pytest.raises(InvalidParameter):
        store.open(PROMPT, Opening(user_id="1", is_detached=True, key="k", fingerprint="g"), 0.0)
    store.leave(reply, 1.0)
    store.leave(reply, 1.0)
    assert store.expire(599.0) == 600
    assert store.open(PROMPT, opening, 0.0) == (reply, None)
    store.leave(reply, 599.0)
    store.expire(600.0)
    assert start(store, opening)[0] is not reply


def test_one_that_is_read_when_its_time_comes_stays_until_its_reader_leaves() -> None:
    store = ReplyStore(ReplyLimits(resume_seconds=600))
    reply = keep(store, "x", 0.0)
    store.attach(reply)
    assert store.expire(1000.0) is None
    assert is_kept(store, reply)
    store.leave(reply, 1001.0)
    store.expire(1001.0)
    assert not is_kept(store, reply)


def test_who_comes_back_by_key_keeps_the_reply_alive_like_any_reader() -> None:
    store = ReplyStore(ReplyLimits(grace_seconds=15))
    opening = Opening(is_detached=True, key="k", fingerprint="f")
    reply, _ = start(store, opening)
    store.leave(reply, 0.0)
    assert store.open(PROMPT, opening, 0.0) == (reply, None)
    assert store.expire(100.0) is None
    assert reply.end is None


def test_a_cancelled_reply_is_kept_from_its_own_end_and_not_from_that_of_its_call() -> None:
    store = ReplyStore(ReplyLimits(resume_seconds=600))
    opening = Opening(is_detached=True, fingerprint="f", may_share=True)
    mine, call = start(store, opening)
    store.open(PROMPT, opening, 0.0)
    store.leave(mine, 0.0)
    store.cancel(mine, 1.0)
    store.finish(call, DONE, 100.0)
    assert store.expire(100.0) == 601


def test_a_reply_goes_on_alone_for_as_long_as_its_request_said() -> None:
    store = ReplyStore(ReplyLimits(grace_seconds=15))
    patient, _ = start(store, Opening(is_detached=True, grace_seconds=120))
    usual, _ = start(store, Opening(is_detached=True))
    hasty, _ = start(store, Opening(is_detached=True, grace_seconds=0))
    for reply in (patient, usual, hasty):
        store.leave(reply, 0.0)
    assert store.expire(0.0) == 15
    assert (error_code(hasty.end), usual.end) == (Code.CANCELLED, None)
    assert store.expire(15.0) == 120
    assert (error_code(usual.end), patient.end) == (Code.CANCELLED, None)
    store.expire(120.0)
    assert error_code(patient.end) == Code.CANCELLED


def test_each_return_of_a_reader_begins_the_time_of_grace_anew() -> None:
    store = ReplyStore(ReplyLimits(grace_seconds=15))
    reply, _ = start(store)
    store.leave(reply, 0.0)
    store.attach(reply)
    assert store.expire(100.0) is None
    store.leave(reply, 100.0)
    assert store.expire(114.9) == 115
    assert error_code(reply.end) is None
    store.expire(115.0)
    assert error_code(reply.end) == Code.CANCELLED


def test_prompts_are_counted_until_their_call_ends_whoever_has_left() -> None:
    """A client may start a detached reply and go: its prompt lives as long as its call."""
    size = Call(PROMPT).prompt_bytes
    store = ReplyStore(ReplyLimits(max_prompt_bytes=2 * size))
    calls = []
    for _ in range(2):
        reply, call = store.open(PROMPT, DETACHED, 0.0)
        store.leave(reply, 0.0)
        assert call is not None
        calls.append(call)
    with pytest.raises(Overloaded, match="SIDECAR_MAX_UNFINISHED_BYTES"):
        store.open(PROMPT, DETACHED, 0.0)
    store.finish(calls[0], DONE, 0.0)
    store.open(PROMPT, DETACHED, 0.0)
    assert store.prompt_bytes == 2 * size


def test_each_reply_on_a_shared_call_takes_room() -> None:
    store = ReplyStore(ReplyLimits(max_total_bytes=3 * REPLY_OVERHEAD_BYTES))
    shared = Opening(is_detached=True, fingerprint="f", may_share=True)
    for _ in range(3):
        store.open(PROMPT, shared, 0.0)
    with pytest.raises(Overloaded):
        store.open(PROMPT, shared, 0.0)


def test_an_empty_delta_is_none() -> None:
    store = ReplyStore(ReplyLimits())
    reply, call = store.open(PROMPT, DETACHED, 0.0)
    assert call is not None
    store.append(call, "")
    assert reply.last_seq == 0


def test_what_a_call_has_cost_says_who_knows_and_is_not_asked_after_its_end() -> None:
    store = ReplyStore(ReplyLimits())
    usage = Usage(prompt_tokens=7, completion_tokens=1)
    reply, call = start(store, Opening(is_detached=True, spent=lambda: usage))
    assert call.estimated_usage() == usage
    store.cancel(reply, 0.0)
    assert reply.end is not None
    assert reply.end.usage == usage
    store.finish(call, DONE, 0.0)
    assert call.estimated_usage() != usage
