"""How replies end when the provider fails, breaks off, says too much or is slow to close."""

import logging

import pytest
from msgspec.structs import replace

from protocol.errors import Code
from sidecar.errors import Overloaded, RateLimited, Truncated
from sidecar.observability import Metrics
from sidecar.replies import End, Opening, Replies, ReplyLimits
from sidecar.replies.store import REPLY_OVERHEAD_BYTES
from sidecar.settings import UserLimits
from sidecar.usage import Accounts, Purpose
from tests.replies.fakes import DETACHED, PROMPT, USAGE, GatedProvider, error_code, read, settle, start

pytestmark = pytest.mark.anyio

LIMITS = ReplyLimits()
ADA = Purpose(action="chat", provider="gated", model="gated-1", user_id="ada", course_id="7")
SECRET = "sk-and-what-a-person-wrote"


@pytest.mark.parametrize("is_on_entry", [True, False])
async def test_an_error_of_the_provider_ends_the_reply_behind_its_text(is_on_entry: bool) -> None:
    error = Overloaded("The model is busy.", retry_after=7)
    provider = GatedProvider(error_on_entry=error if is_on_entry else None)
    async with Replies(LIMITS) as replies:
        reply = replies.open(PROMPT, DETACHED, provider)
        if not is_on_entry:
            call = await provider.next_call()
            call.say("So far")
            call.fail(error)
            await call.left()
        texts, end = await read(reply)
        assert texts == ([] if is_on_entry else ["So far"])
        assert end.error is not None
        assert (type(end.error), str(end.error), end.error.retry_after) == (Overloaded, "The model is busy.", 7)
        assert (
            end.error.__traceback__ is None
        )  # it would hold all that its frames held, for as long as the reply is kept
        assert end.usage.estimated
        assert replies.running == 0


@pytest.mark.parametrize("is_on_entry", [True, False])
async def test_a_bug_in_a_provider_is_internal_and_harms_nobody_else(
    is_on_entry: bool, caplog: pytest.LogCaptureFixture
) -> None:
    error = RuntimeError(SECRET)
    provider = GatedProvider(error_on_entry=error if is_on_entry else None)
    bystander_provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        bystander, bystander_call = await start(replies, bystander_provider)
        reply = replies.open(PROMPT, DETACHED, provider)
        if not is_on_entry:
            (await provider.next_call()).fail(error)
        _, end = await read(reply)
        assert error_code(end) == Code.INTERNAL
        assert SECRET not in str(end.error)
        assert "RuntimeError" not in str(end.error)
        (record,) = caplog.records
        assert (record.levelno, record.getMessage()) == (
            logging.ERROR,
            "call failed provider=gated action=chat",
        )
        assert record.exc_info is not None
        assert record.exc_info[1] is error
        bystander_call.say("unharmed")
        bystander_call.finish()
        texts, end = await read(bystander)
        assert (texts, end.finish_reason) == (["unharmed"], "stop")


@pytest.mark.parametrize("texts", [[], ["So", " far"]])
async def test_pieces_that_stop_without_an_end_are_truncated(texts: list[str]) -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        reply, call = await start(replies, provider)
        call.say(*texts)
        call.stop()
        got, end = await read(reply)
        assert got == texts
        assert isinstance(end.error, Truncated)


async def test_whoever_has_read_the_end_may_ask_again_however_slowly_the_provider_is_left() -> None:
    provider = GatedProvider(may_leave=False)
    accounts = Accounts(Metrics(), limits=UserLimits(requests_at_once=1, requests_per_hour=2))
    async with Replies(LIMITS) as replies:
        for _ in range(2):
            reply, call = await start(replies, provider, Opening(booking=accounts.booking(ADA, tokens=100)))
            call.finish(usage=USAGE)
            await read(reply)
            assert not call.is_left.is_set()
        for call in provider.calls:
            call.may_leave.set()
            await call.left()
        with pytest.raises(RateLimited, match="2 are used"):  # each is booked once
            replies.open(PROMPT, Opening(booking=accounts.booking(ADA, tokens=100)), provider)


@pytest.mark.parametrize("way", ["cancel", "leave"])
async def test_who_pays_for_a_shared_call_and_goes_may_ask_again_and_still_pays(way: str) -> None:
    provider = GatedProvider()
    accounts = Accounts(Metrics(), limits=UserLimits(requests_at_once=1, tokens_per_hour=1000))

    def opening(text: str, purpose: Purpose = ADA) -> Opening:
        return Opening(fingerprint=text, may_share=True, booking=accounts.booking(purpose, tokens=100))

    async with Replies(LIMITS) as replies:
        paid, call = await start(replies, provider, opening("a summary"))
        other = replies.open(PROMPT, opening("a summary", replace(ADA, user_id="bob")), provider)
        with pytest.raises(RateLimited, match="AT_ONCE"):
            replies.open(PROMPT, opening("another"), provider)
        if way == "cancel":
            replies.cancel(paid)
        replies.leave(paid)
        await start(replies, provider, opening("another"))
        with pytest.raises(RateLimited, match="AT_ONCE"):  # it gave back one, and once
            replies.open(PROMPT, opening("a third"), provider)
        call.finish(usage=USAGE)
        await read(other)
        with pytest.raises(RateLimited, match="AT_ONCE"):  # nor again where the call ends
            replies.open(PROMPT, opening("a third"), provider)


async def test_what_is_set_aside_for_a_shared_call_stays_so_when_who_pays_has_gone() -> None:
    provider = GatedProvider()
    accounts = Accounts(Metrics(), limits=UserLimits(requests_at_once=1, tokens_per_hour=150))
    opening = Opening(fingerprint="a summary", may_share=True, booking=accounts.booking(ADA, tokens=100))
    async with Replies(LIMITS) as replies:
        paid, call = await start(replies, provider, opening)
        other = replies.open(PROMPT, replace(opening, booking=None), provider)
        replies.leave(paid)
        with pytest.raises(RateLimited, match="100 are set aside"):
            replies.open(PROMPT, Opening(booking=accounts.booking(ADA, tokens=100)), provider)
        call.finish(usage=USAGE)
        await read(other)
        with pytest.raises(RateLimited, match="5 are used"):
            replies.open(PROMPT, Opening(booking=accounts.booking(ADA, tokens=150)), provider)


async def test_what_comes_behind_the_end_is_not_read() -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        reply, call = await start(replies, provider)
        call.say("whole")
        call.finish(usage=USAGE)
        call.say("too much")
        call.finish("length")
        await call.left()
        assert await read(reply) == (["whole"], End(usage=USAGE, finish_reason="stop"))
        assert call.taken == 2
        assert not call.was_cancelled


async def test_the_end_is_there_before_the_provider_is_left() -> None:
    provider = GatedProvider(may_leave=False)
    async with Replies(LIMITS) as replies:
        reply, call = await start(replies, provider, Opening())
        call.say("whole")
        call.finish()
        texts, end = await read(reply)
        assert (texts, end.finish_reason) == (["whole"], "stop")
        assert not call.is_left.is_set()
        assert replies.running == 0
        replies.leave(reply)
        await settle()
        call.may_leave.set()
        await call.left()
        assert not call.was_cancelled


@pytest.mark.parametrize(("error", "is_logged"), [(Truncated("Too late."), False), (RuntimeError(SECRET), True)])
async def test_what_goes_wrong_behind_the_end_changes_it_no_more(
    error: Exception, is_logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    provider = GatedProvider(error_on_exit=error)
    async with Replies(LIMITS) as replies:
        reply, call = await start(replies, provider)
        call.finish(usage=USAGE)
        await call.left()
        await settle()
        assert await read(reply) == ([], End(usage=USAGE, finish_reason="stop"))
        assert bool(caplog.records) == is_logged


async def test_a_reply_that_outgrows_its_limit_ends_and_the_provider_is_left() -> None:
    provider = GatedProvider()
    async with Replies(ReplyLimits(max_reply_bytes=10)) as replies:
        reply, call = await start(replies, provider)
        call.say("12345", "67890", "1")
        await call.left()
        texts, end = await read(reply)
        assert (texts, error_code(end)) == (["12345", "67890"], Code.TOO_LARGE)


async def test_a_reply_for_which_there_is_no_more_room_ends_and_the_provider_is_left() -> None:
    provider = GatedProvider()
    async with Replies(ReplyLimits(max_total_bytes=2 * REPLY_OVERHEAD_BYTES + 20)) as replies:
        reply, call = await start(replies, provider)
        other, other_call = await start(replies, provider)
        call.say("12345", "67890")
        await call.left()
        texts, end = await read(reply)
        assert (texts, error_code(end)) == (["12345"], Code.OVERLOADED)
        assert end.error is not None
        assert end.error.retry_after
        replies.leave(reply)  # from now on it can be dropped
        other_call.say("1234567890")
        other_call.finish()
        texts, end = await read(other)
        assert (texts, end.finish_reason) == (["1234567890"], "stop")


async def test_a_lone_surrogate_does_no_harm() -> None:
    provider = GatedProvider()
    async with Replies(LIMITS) as replies:
        reply, call = await start(replies, provider)
        call.say("a\ud800", "\udfffb", "😀")
        call.finish()
        texts, _ = await read(reply)
        assert texts == ["a?", "?b", "😀"]
        assert reply.text == "a??b😀"
