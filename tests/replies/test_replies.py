import gc
import weakref

import anyio
import pytest
from anyio.lowlevel import checkpoint
from msgspec.structs import replace

from protocol.errors import Code
from protocol.messages import Usage
from sidecar.errors import Draining, NotFound, Overloaded
from sidecar.providers import Stage
from sidecar.replies import End, Opening, Reader, Replies, ReplyLimits
from tests.replies.fakes import DETACHED, PROMPT, USAGE, GatedProvider, error_code, read, settle, start

pytestmark = pytest.mark.anyio

LIMITS = ReplyLimits()


async def test_each_piece_reaches_the_reader_before_the_next_is_given() -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        reply, call = await start(replies, provider)
        reader = Reader(reply)
        with anyio.fail_after(5):
            for text in ("A", " prime", " number"):
                call.say(text)
                await reader.wait()
                assert reader.take() == [text]
            assert reader.end is None
            call.finish("length", USAGE)
            assert await reader.wait_end() == End(usage=USAGE, finish_reason="length")
        await call.left()
        assert not call.was_cancelled
        assert replies.running == 0
        assert reply.text == "A prime number"


async def test_how_far_the_work_is_reaches_the_reader_and_is_no_text() -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        reply, call = await start(replies, provider)
        reader = Reader(reply)
        call.report(Stage("reading", 1, 2))
        with anyio.fail_after(5):
            await reader.wait()
        assert (reader.take_stage(), reader.take(), call.prompt.action) == (Stage("reading", 1, 2), [], "chat")
        call.finish()
        assert (await read(reply))[0] == []


async def test_what_is_cancelled_while_it_is_queued_has_cost_nothing() -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        for done, tokens in ((0, 0), (2, 3)):  # of two before it; then its turn has come
            reply, call = await start(replies, provider)
            call.report(Stage("queued", done, 2))
            await settle()
            replies.cancel(reply)
            assert reply.end is not None
            assert reply.end.usage.prompt_tokens == tokens


async def test_without_a_count_of_the_provider_the_usage_is_estimated() -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        reply, call = await start(replies, provider)
        call.say("12345")
        call.finish()
        _, end = await read(reply)
    assert end.usage == Usage(prompt_tokens=3, completion_tokens=2, estimated=True)


async def test_the_provider_is_asked_what_the_request_says() -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        prompt = replace(PROMPT, system="Be brief.")
        replies.open(prompt, DETACHED, provider)
        assert (await provider.next_call()).prompt is prompt


async def test_cancel_ends_the_reply_at_once_and_releases_the_provider() -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        reply, call = await start(replies, provider)
        call.say("12345")
        await settle()
        replies.cancel(reply)
        end = reply.end
        assert end is not None
        assert error_code(end) == Code.CANCELLED
        assert end.usage == Usage(prompt_tokens=3, completion_tokens=2, estimated=True)
        await call.left()
        assert call.was_cancelled
        call.say("more")
        await settle()
        assert await read(reply) == (["12345"], end)
        assert replies.running == 0


async def test_to_cancel_again_or_after_the_end_changes_nothing() -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        reply, call = await start(replies, provider)
        call.finish(usage=USAGE)
        await call.left()
        replies.cancel(reply)
        replies.cancel(reply)
        assert await read(reply) == ([], End(usage=USAGE, finish_reason="stop"))


async def test_a_call_that_nobody_waits_for_any_more_is_stopped_before_it_begins() -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        replies.leave(replies.open(PROMPT, Opening(), provider))
        await settle()
        assert replies.running == 0
        assert all(call.was_cancelled and call.taken == 0 for call in provider.calls)


async def test_the_last_reader_who_leaves_cancels_a_reply_that_is_not_detached() -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        reply, call = await start(replies, provider, Opening())
        replies.attach(reply)
        replies.leave(reply)
        await settle()
        assert not call.is_left.is_set()
        replies.leave(reply)
        await call.left()
        assert call.was_cancelled
        await settle()
        assert replies.running == 0


async def test_a_detached_reply_that_nobody_reads_is_cancelled_after_its_grace_and_stays_readable() -> None:
    provider = GatedProvider()
    async with Replies(ReplyLimits(grace_seconds=0.05)) as replies:
        reply, call = await start(replies, provider)
        call.say("kept")
        left_at = anyio.current_time()
        replies.leave(reply)
        await call.left()
        assert anyio.current_time() - left_at > 0.049  # to the millisecond: so uvloop counts
        assert call.was_cancelled
        found = replies.find(reply.id, None)
        texts, end = await read(found)
        assert (found, texts, error_code(end)) == (reply, ["kept"], Code.CANCELLED)


async def test_who_comes_back_in_time_keeps_the_reply_alive() -> None:
    provider = GatedProvider()
    async with Replies(ReplyLimits(grace_seconds=0.05)) as replies:
        mine, my_call = await start(replies, provider)
        other, other_call = await start(replies, provider)
        replies.leave(mine)
        replies.leave(other)
        replies.attach(mine)
        await other_call.left()  # by then the time of the first is over, too
        assert mine.end is None
        my_call.finish()
        assert error_code((await read(mine))[1]) is None


@pytest.mark.parametrize("way", ["done and left", "left and done", "left and cancelled"])
async def test_a_finished_reply_is_kept_for_its_time(way: str) -> None:
    provider = GatedProvider()
    async with Replies(ReplyLimits(grace_seconds=600, resume_seconds=0.05)) as replies:
        reply, call = await start(replies, provider, replace(SUMMARY, is_detached=True))
        replies.open(PROMPT, SUMMARY, provider)  # so that the call goes on where the reply is cancelled
        if way.startswith("left"):
            replies.leave(reply)
            await settle()  # now the clock waits for 600 s
        ended_at = anyio.current_time()
        if way.endswith("cancelled"):
            replies.cancel(reply)
        else:
            call.finish()
        await read(reply)
        if way.endswith("left"):
            replies.leave(reply)
        assert replies.find(reply.id, None) is reply
        with anyio.fail_after(5), pytest.raises(NotFound):  # noqa: PT012 (it goes while we look)
            while replies.find(reply.id, None) is reply:
                await checkpoint()
        assert anyio.current_time() - ended_at > 0.049  # to the millisecond: so uvloop counts


async def test_a_short_time_is_kept_while_a_long_one_runs() -> None:
    provider = GatedProvider()
    async with Replies(ReplyLimits(grace_seconds=0.05, resume_seconds=600)) as replies:
        kept, call = await start(replies, provider)
        call.finish()
        await call.left()
        replies.leave(kept)
        await settle()  # now the clock waits for 600 s
        lonely, lonely_call = await start(replies, provider)
        replies.leave(lonely)
        await lonely_call.left()
        assert error_code(lonely.end) == Code.CANCELLED
        assert replies.find(kept.id, None) is kept


async def test_what_is_not_admitted_asks_nobody() -> None:
    provider = GatedProvider()
    async with Replies(ReplyLimits(max_running=1)) as replies:
        await start(replies, provider)
        with pytest.raises(Overloaded):
            replies.open(PROMPT, DETACHED, provider)
        await settle()
        assert len(provider.calls) == replies.running == 1


async def test_end_all_ends_every_running_reply_with_the_reason() -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        finished, finished_call = await start(replies, provider)
        finished_call.finish(usage=USAGE)
        await finished_call.left()
        running = [await start(replies, provider, opening) for opening in (DETACHED, Opening(), SUMMARY)]
        replies.end_all(Draining("Good night."))
        for reply, call in running:
            await call.left()
            assert call.was_cancelled
            assert error_code(reply.end) == Code.DRAINING
        assert finished.end == End(usage=USAGE, finish_reason="stop")


async def test_leaving_the_block_closes_every_provider() -> None:
    provider = GatedProvider()
    with anyio.fail_after(5):
        async with Replies(LIMITS) as replies:
            calls = [(await start(replies, provider, opening))[1] for opening in (DETACHED, Opening(), SUMMARY)]
            lonely, lonely_call = await start(replies, provider)
            replies.leave(lonely)
            finished, finished_call = await start(replies, provider)
            finished_call.finish()
            await finished_call.left()
            replies.leave(finished)
    assert all(call.is_left.is_set() and call.was_cancelled for call in (*calls, lonely_call))


async def test_a_cancelled_process_closes_every_provider() -> None:
    provider = GatedProvider()
    with anyio.fail_after(5), anyio.CancelScope() as scope:
        async with Replies(LIMITS) as replies:
            _, call = await start(replies, provider)
            scope.cancel()
            await anyio.sleep_forever()
    assert call.is_left.is_set()


@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_nothing_holds_a_reply_that_has_gone(is_cancelled: bool) -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        reply, call = await start(replies, provider, Opening())
        call.say("text")
        if not is_cancelled:
            call.finish()
            await call.left()
        replies.leave(reply)
        await call.left()
        await settle()
        log = weakref.ref(reply.call.log)
        del reply
        gc.collect()
        assert log() is None


async def test_hundreds_of_replies_at_once_keep_their_texts_apart() -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        started = [await start(replies, provider) for _ in range(300)]
        assert replies.running == 300
        for text in ("one ", "two ", "three "):
            for number, (_, call) in enumerate(started):
                call.say(text + str(number))
            await checkpoint()
        for _, call in started:
            call.finish()
        for number, (reply, call) in enumerate(started):
            await call.left()
            assert (await read(reply))[0] == [f"one {number}", f"two {number}", f"three {number}"]
        assert replies.running == 0


SUMMARY = Opening(fingerprint="the same", may_share=True)
