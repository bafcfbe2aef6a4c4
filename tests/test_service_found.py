"""Replies that are found again: by their user, and behind any delta."""

import pytest

from protocol.errors import Code
from protocol.messages import Chat, Done, Resume, Summarize
from sidecar.errors import (
    InvalidParameter,
    NotFound,
)
from tests.replies.fakes import GatedProvider, error_code, settle
from tests.service_house import DETACHED, open_house, resume

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("owner", "user"),
    [("42", "42"), ("42", 42), (42, "42"), (42, 42), ("42", None), (None, "42"), (None, None)],
    ids=repr,
)
async def test_a_detached_reply_is_found_by_its_user_and_by_who_names_none(
    owner: str | int | None, user: str | int | None
) -> None:
    async with open_house(GatedProvider()) as house:
        reply = house.service.open(Chat(content="Hi", user_id=owner, detach=True))
        assert house.service.resume(resume(reply, user_id=user)) is reply
        assert reply.readers == 2
        assert house.service.cancel_by_reply(reply.id, user) == Done()
        assert error_code(reply.end) == Code.CANCELLED


@pytest.mark.parametrize(
    ("owner", "user"), [("42", "43"), (42, 43), ("42", 4), ("42", "042"), ("a", "A"), (0, 1)], ids=repr
)
async def test_the_reply_of_another_user_is_not_found_and_goes_on(owner: str | int, user: str | int) -> None:
    async with open_house(GatedProvider()) as house:
        reply = house.service.open(Chat(content="Hi", user_id=owner, detach=True))
        with pytest.raises(NotFound):
            house.service.resume(resume(reply, user_id=user))
        with pytest.raises(NotFound):
            house.service.cancel_by_reply(reply.id, user)
        assert (reply.end, reply.readers) == (None, 1)


async def test_what_is_not_detached_or_unknown_is_not_found_by_the_same_words() -> None:
    async with open_house(GatedProvider()) as house:
        attached = house.service.open(Chat(content="Hi"))
        other = house.service.open(DETACHED)
        messages = set()
        for request in (resume(attached), Resume(reply="r_unknown"), resume(other, user_id="43")):
            with pytest.raises(NotFound) as by_resume:
                house.service.resume(request)
            with pytest.raises(NotFound) as by_cancel:
                house.service.cancel_by_reply(request.reply, request.user_id)
            messages |= {str(by_resume.value), str(by_cancel.value)}
        assert len(messages) == 1
        assert attached.end is None


async def test_after_may_be_as_much_as_there_is_and_no_more() -> None:
    provider = GatedProvider()
    async with open_house(provider) as house:
        reply = house.service.open(DETACHED)
        call = await provider.next_call()
        call.say("one", "two")
        await settle()
        for is_finished in (False, True):
            for after in (None, 0, 1, 2):
                house.service.resume(resume(reply, after=after))
                house.service.leave(reply)
            for after in (3, 2**53):
                with pytest.raises(InvalidParameter, match="more than the 2 deltas"):
                    house.service.resume(resume(reply, after=after))
            assert reply.readers == 1
            if not is_finished:
                call.finish()
                await settle()


async def test_after_counts_only_what_belongs_to_a_cancelled_reply() -> None:
    provider = GatedProvider()
    async with open_house(provider) as house:
        mine, _ = (house.service.open(Summarize(content="Hi", detach=True)) for _ in range(2))
        call = await provider.next_call()
        call.say("one")
        await settle()
        house.service.cancel(mine)
        call.say("two")
        await settle()
        assert house.service.resume(resume(mine, after=1)) is mine
        with pytest.raises(InvalidParameter):
            house.service.resume(resume(mine, after=2))


async def test_to_cancel_what_has_ended_is_done_and_leaves_it_readable() -> None:
    provider = GatedProvider()
    async with open_house(provider) as house:
        reply = house.service.open(DETACHED)
        call = await provider.next_call()
        call.say("text")
        call.finish()
        await call.left()
        house.service.leave(reply)
        assert house.service.cancel_by_reply(reply.id, "42") == Done()
        assert house.service.resume(resume(reply)).text == "text"
        assert error_code(reply.end) is None
