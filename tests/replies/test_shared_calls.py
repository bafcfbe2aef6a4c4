"""Requests for the same share a call, and what ended whole is given again."""

import anyio
import pytest
from msgspec.structs import replace

from protocol.errors import Code
from sidecar.errors import Overloaded
from sidecar.replies import End, Opening, Replies, ReplyLimits
from tests.replies.fakes import PROMPT, USAGE, GatedProvider, error_code, read, settle, start

pytestmark = pytest.mark.anyio


LIMITS = ReplyLimits()


SUMMARY = Opening(fingerprint="the same", may_share=True)


async def test_identical_openings_share_one_call_and_each_reads_all_of_it() -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        first, call = await start(replies, provider, SUMMARY)
        call.say("A ", "summary")
        await settle()
        others = [replies.open(PROMPT, SUMMARY, provider) for _ in range(3)]
        call.say(".")
        call.finish(usage=USAGE)
        for reply in (first, *others):
            assert await read(reply) == (["A ", "summary", "."], End(usage=USAGE, finish_reason="stop"))
        assert len(provider.calls) == 1
        assert len({reply.id for reply in (first, *others)}) == 4
        assert [reply.is_shared for reply in (first, *others)] == [False, True, True, True]


@pytest.mark.parametrize("who", [0, 1])
async def test_each_of_two_who_share_may_cancel_and_the_call_ends_with_the_last(who: int) -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        first, call = await start(replies, provider, SUMMARY)
        both = first, replies.open(PROMPT, SUMMARY, provider)
        call.say("for both, ")
        await settle()
        replies.cancel(both[who])
        call.say("for one")
        await settle()
        assert not call.is_left.is_set()
        texts, end = await read(both[who])
        assert (texts, error_code(end)) == (["for both, "], Code.CANCELLED)
        assert both[1 - who].text == "for both, for one"
        replies.cancel(both[1 - who])
        await call.left()
        assert call.was_cancelled


async def test_what_has_ended_is_not_shared_but_asked_again() -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        _, call = await start(replies, provider, SUMMARY)
        call.finish()
        await call.left()
        second, _ = await start(replies, provider, SUMMARY)
        assert not second.is_shared


async def test_a_whole_answer_is_given_again_until_its_time_is_over() -> None:
    provider = GatedProvider()
    async with Replies(ReplyLimits(cache_seconds=0.2)) as replies:
        first, call = await start(replies, provider, SUMMARY)
        call.say("A ", "summary")
        call.finish(usage=USAGE)
        whole = await read(first)
        replies.leave(first)
        again = [replies.open(PROMPT, SUMMARY, provider) for _ in range(3)]
        for reply in again:
            assert reply.is_shared
            assert await read(reply) == whole
            replies.leave(reply)
        assert len(provider.calls) == 1
        with anyio.fail_after(5):
            while replies.cached:  # noqa: ASYNC110 - the clock is what is tested
                await anyio.sleep(0.02)
        third, _ = await start(replies, provider, SUMMARY)
        assert not third.is_shared


async def test_a_detached_reply_on_a_kept_answer_is_found_like_any_other() -> None:
    provider = GatedProvider()
    async with Replies(ReplyLimits(cache_seconds=60)) as replies:
        first, call = await start(replies, provider, SUMMARY)
        call.say("A summary")
        call.finish()
        await read(first)
        second = replies.open(PROMPT, replace(SUMMARY, is_detached=True), provider)
        replies.leave(second)
        assert replies.find(second.id, None) is second
        assert second.text == "A summary"


@pytest.mark.parametrize("way", ["length", "refused", "error", "cancelled", "nobody", "chat"])
async def test_what_is_not_whole_or_not_for_all_is_asked_again(way: str) -> None:
    provider = GatedProvider()
    opening = Opening(fingerprint="the same", may_share=way != "chat")
    async with Replies(ReplyLimits(cache_seconds=60)) as replies:
        first, call = await start(replies, provider, opening)
        call.say("Half a summ")
        await settle()
        if way == "cancelled":
            replies.cancel(first)
        elif way == "nobody":
            replies.leave(first)
        elif way == "error":
            call.fail(Overloaded("The model is busy."))
        else:
            call.finish("length" if way == "length" else "refused" if way == "refused" else "stop")
        await call.left()
        assert replies.cached == 0
        second, _ = await start(replies, provider, opening)
        assert not second.is_shared
