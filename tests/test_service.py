from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

import sidecar
from protocol import PROTOCOL_VERSION
from protocol.errors import Code
from protocol.messages import Analyze, Beginning, Chat, Done, Generate, Resume, SelfTest, Summarize, Ticket
from sidecar.actions import Rules
from sidecar.errors import (
    Draining,
    InvalidParameter,
    NotConfigured,
    NotFound,
    Overloaded,
    SidecarError,
    TooLarge,
    Unsupported,
)
from sidecar.providers import Provider
from sidecar.replies import Replies, Reply, ReplyLimits, TicketLimits, TicketStore
from sidecar.service import Service
from tests.replies.fakes import GatedProvider, error_code, settle

pytestmark = pytest.mark.anyio

KINDS = (Chat, Summarize, Analyze)
RULES = Rules(models=GatedProvider.models, max_chat_bytes=100, max_text_bytes=100)
DETACHED = Chat(content="Hi", user_id="42", detach=True)
KEYED = Chat(content="Hi", user_id="42", detach=True, key="k")

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


class House:
    """A service and what stands behind it."""

    def __init__(self, replies: Replies, provider: Provider | None, tickets: TicketStore | None) -> None:
        self.replies = replies
        self.service = Service(provider=provider, replies=replies, rules=RULES, tickets=tickets)

    def refuse(self, request: Beginning) -> SidecarError:
        """Return the error with which a request is refused; it must have begun nothing."""
        running = self.replies.running
        with pytest.raises(SidecarError) as caught:
            self.service.open(request)
        assert self.replies.running == running
        return caught.value


@asynccontextmanager
async def open_house(
    provider: Provider | None,
    *,
    max_running: int = 10,
    resume_seconds: float = 600,
    tickets: TicketStore | None = None,
) -> AsyncIterator[House]:
    async with Replies(ReplyLimits(max_running=max_running, resume_seconds=resume_seconds)) as replies:
        yield House(replies, provider, tickets)


def resume(reply: Reply, *, after: int | None = None, user_id: str | int | None = None) -> Resume:
    return Resume(reply=reply.id, after=after, user_id=user_id)


# Admission.


@every_kind
async def test_an_admitted_request_has_a_reply_and_a_call(kind: type[Generate]) -> None:
    provider = GatedProvider()
    async with open_house(provider) as house:
        reply = house.service.open(kind(content="Hi"))
        call = await provider.next_call()
        assert call.prompt.action == kind.__name__.lower()
        assert (reply.end, reply.is_detached, reply.user_id, reply.readers) == (None, False, None, 1)
        house.service.leave(reply)
        await call.left()
        assert call.was_cancelled


@every_kind
async def test_a_draining_service_admits_nothing_and_serves_what_it_has(kind: type[Generate]) -> None:
    provider = GatedProvider()
    async with open_house(provider) as house:
        reply = house.service.open(DETACHED)
        house.service.is_draining = True
        error = house.refuse(kind(content="Hi"))
        assert (type(error), error.retry_after) == (Draining, 5)
        assert type(house.refuse(KEYED)) is Draining
        assert house.service.resume(resume(reply)) is reply
        assert house.service.cancel_by_reply(reply.id, None) == Done()


@every_kind
async def test_without_a_provider_a_request_is_told_how_to_configure_one(kind: type[Generate]) -> None:
    async with open_house(None) as house:
        error = house.refuse(kind(content="Hi"))
        assert type(error) is NotConfigured
        assert "SIDECAR_PROVIDER" in str(error)
        house.service.is_draining = True
        assert type(house.refuse(kind(content="Hi"))) is Draining


async def test_a_self_test_needs_no_provider() -> None:
    async with open_house(None) as house:
        reply = house.service.open(SelfTest(user_id=42, detach=True))
        assert (reply.user_id, reply.is_detached, reply.call.prompt.model) == ("42", True, "selftest")
        house.service.is_draining = True
        assert type(house.refuse(SelfTest())) is Draining


@every_kind
async def test_without_a_web_socket_tickets_are_unsupported(kind: type[Generate]) -> None:
    async with open_house(GatedProvider()) as house:
        assert type(house.refuse(kind(content="Hi", detach=True, stream=True, ticket=True))) is Unsupported
        house.service.open(kind(content="Hi", ticket=False))
        reply = house.service.open(DETACHED)
        for act in (
            lambda: house.service.issue_ticket(reply),
            lambda: house.service.ticket(Ticket(reply=reply.id)),
            lambda: house.service.ticket(Ticket(reply="r_unknown")),
            lambda: house.service.redeem("t_unknown"),
        ):
            with pytest.raises(Unsupported, match="SIDECAR_WEB_SOCKET"):
                act()
        assert house.service.status().tickets is False


@every_kind
@pytest.mark.parametrize(
    ("detach", "stream", "named"), [(True, None, "`stream`"), (None, True, "`detach`"), (None, False, "`stream`")]
)
async def test_a_ticket_is_for_detached_replies_and_comes_in_start(
    kind: type[Generate], detach: bool | None, stream: bool | None, named: str
) -> None:
    async with open_house(GatedProvider(), tickets=TicketStore(TicketLimits())) as house:
        error = house.refuse(kind(content="Hi", ticket=True, detach=detach, stream=stream))
        assert type(error) is InvalidParameter
        assert named in str(error)
        house.service.open(kind(content="Hi", ticket=True, detach=True, stream=True))


async def test_where_no_ticket_can_be_given_nothing_is_begun() -> None:
    async with open_house(GatedProvider(), tickets=TicketStore(TicketLimits(max_tickets=1))) as house:
        request = Chat(content="Hi", ticket=True, detach=True, stream=True)
        reply = house.service.open(request)
        house.service.issue_ticket(reply)
        assert type(house.refuse(request)) is Overloaded
        with pytest.raises(Overloaded):
            house.service.ticket(Ticket(reply=reply.id))


async def test_a_ticket_opens_its_reply_once() -> None:
    async with open_house(GatedProvider(), tickets=TicketStore(TicketLimits())) as house:
        assert house.service.status().tickets is True
        reply = house.service.open(DETACHED)
        done = house.service.ticket(Ticket(reply=reply.id, user_id="42"))
        assert done.expires_in == 30
        assert done.ticket is not None
        assert house.service.redeem(done.ticket) == (reply, 0)
        assert reply.readers == 2
        with pytest.raises(NotFound):
            house.service.redeem(done.ticket)


async def test_a_ticket_says_behind_which_delta_and_its_reader_may_say_otherwise() -> None:
    provider = GatedProvider()
    async with open_house(provider, tickets=TicketStore(TicketLimits())) as house:
        reply = house.service.open(DETACHED)
        (await provider.next_call()).say("one", " two")
        await settle()
        for after, given, behind in ((None, None, 0), (2, None, 2), (2, 1, 1), (0, 2, 2), (2, 0, 0)):
            ticket = house.service.ticket(Ticket(reply=reply.id, after=after)).ticket
            assert ticket is not None
            assert house.service.redeem(ticket, after=given) == (reply, behind)
        with pytest.raises(InvalidParameter, match="`after`"):
            house.service.ticket(Ticket(reply=reply.id, after=3))
        ticket = house.service.issue_ticket(reply).name
        with pytest.raises(InvalidParameter, match="`after`"):
            house.service.redeem(ticket, after=3)


async def test_no_ticket_for_what_is_not_there_or_not_ones_own() -> None:
    async with open_house(GatedProvider(), tickets=TicketStore(TicketLimits())) as house:
        detached, attached = house.service.open(DETACHED), house.service.open(Chat(content="Hi"))
        for request in (
            Ticket(reply="r_unknown"),
            Ticket(reply=attached.id),
            Ticket(reply=detached.id, user_id="43"),
        ):
            with pytest.raises(NotFound):
                house.service.ticket(request)


async def test_a_ticket_of_a_reply_that_is_no_longer_kept_opens_nothing() -> None:
    provider = GatedProvider()
    async with open_house(provider, tickets=TicketStore(TicketLimits()), resume_seconds=0) as house:
        reply = house.service.open(DETACHED)
        ticket = house.service.issue_ticket(reply).name
        (await provider.next_call()).finish()
        await settle()
        house.service.leave(reply)
        await settle()
        with pytest.raises(NotFound):
            house.service.redeem(ticket)


@every_kind
@pytest.mark.parametrize("detach", [None, False])
async def test_a_key_without_detach_is_refused(kind: type[Generate], detach: bool | None) -> None:
    async with open_house(GatedProvider()) as house:
        error = house.refuse(kind(content="Hi", key="k", detach=detach))
        assert type(error) is InvalidParameter
        assert "`key`" in str(error)
        assert "`detach`" in str(error)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (Chat(content=" "), InvalidParameter),
        (Chat(content="Hi", model="another"), InvalidParameter),
        (Chat(content="x" * 101), TooLarge),
        (Summarize(content="x" * 101), TooLarge),
    ],
    ids=["blank", "model", "long chat", "long text"],
)
async def test_what_an_action_refuses_begins_nothing(request_: Generate, error: type[SidecarError]) -> None:
    async with open_house(GatedProvider()) as house:
        assert type(house.refuse(request_)) is error


async def test_more_than_may_run_at_once_are_overloaded() -> None:
    async with open_house(GatedProvider(), max_running=1) as house:
        house.service.open(Chat(content="Hi"))
        assert type(house.refuse(Chat(content="Hi"))) is Overloaded


# Keys.


@every_kind
async def test_the_same_key_and_content_is_the_same_reply(kind: type[Generate]) -> None:
    provider = GatedProvider()
    async with open_house(provider) as house:
        first = house.service.open(kind(content="Hi", user_id="42", detach=True, key="k"))
        again = kind(id="2", token="t", content="Hi", user_id=42, course_id=1, detach=True, key="k", stream=True)
        assert house.service.open(again) is first
        (await provider.next_call()).finish()
        await settle()
        assert house.service.open(again) is first
        assert first.readers == 3
        assert len(provider.calls) == 1


@pytest.mark.parametrize(
    "other",
    [
        Chat(content="Hi!", user_id="42", detach=True, key="k"),
        Chat(content="Hi", user_id="42", detach=True, key="k", context="More"),
        Chat(content="Hi", user_id="42", detach=True, key="k", max_tokens=5),
        Chat(content="Hi", user_id="42", detach=True, key="k", language="de"),
        Summarize(content="Hi", user_id="42", detach=True, key="k"),
    ],
    ids=["content", "context", "max_tokens", "language", "action"],
)
async def test_the_same_key_with_another_request_is_refused(other: Generate) -> None:
    async with open_house(GatedProvider()) as house:
        reply = house.service.open(KEYED)
        assert type(house.refuse(other)) is InvalidParameter
        assert reply.readers == 1


async def test_the_same_key_of_another_user_is_another_reply() -> None:
    provider = GatedProvider()
    async with open_house(provider) as house:
        users = ("42", "43", None)
        opened = [house.service.open(Chat(content="Hi", user_id=user, detach=True, key="k")) for user in users]
        await settle()
        assert len({reply.id for reply in opened}) == len(provider.calls) == 3
        assert house.service.open(Chat(content="Hi", detach=True, key="k")) is opened[2]


# Sharing.


@every_kind
async def test_what_is_shared_is_what_does_not_depend_on_who_asks(kind: type[Generate]) -> None:
    provider = GatedProvider()
    async with open_house(provider) as house:
        first = house.service.open(kind(content="Hi", user_id="42"))
        second = house.service.open(kind(content="Hi", user_id="43", detach=True, stream=True))
        await settle()
        is_shared = kind is not Chat
        assert (first.is_shared, second.is_shared) == (False, is_shared)
        assert len(provider.calls) == (1 if is_shared else 2)


async def test_another_text_is_not_shared() -> None:
    async with open_house(GatedProvider()) as house:
        house.service.open(Summarize(content="One"))
        assert not house.service.open(Summarize(content="Two")).is_shared
        assert not house.service.open(Analyze(content="One")).is_shared


async def test_who_shares_cancels_only_his_own() -> None:
    provider = GatedProvider()
    async with open_house(provider) as house:
        mine, other = (house.service.open(Summarize(content="Hi")) for _ in range(2))
        house.service.cancel(mine)
        assert error_code(mine.end) == Code.CANCELLED
        assert other.end is None


# Resume and cancel by reply.


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


# Status.


async def test_status_tells_what_there_is() -> None:
    async with open_house(GatedProvider()) as house:
        status = house.service.status()
        assert status == Done(
            protocol=PROTOCOL_VERSION,
            version=sidecar.__version__,
            provider="gated",
            models=("gated-1",),
            ready=True,
            tickets=False,
        )
        house.service.is_draining = True
        assert house.service.status().ready is False


async def test_status_says_when_a_request_has_no_chance() -> None:
    provider = GatedProvider()
    provider.is_ready = False
    async with open_house(provider) as house:
        assert house.service.status().ready is False
    async with open_house(None) as house:
        status = house.service.status()
        assert (status.provider, status.models, status.ready) == (None, (), False)
