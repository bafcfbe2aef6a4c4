"""Tickets, as the service gives and takes them."""

import pytest

from protocol.messages import Chat, Generate, Ticket
from sidecar.errors import (
    InvalidParameter,
    NotFound,
    Overloaded,
    Unsupported,
)
from sidecar.replies import TicketLimits, TicketStore
from tests.replies.fakes import GatedProvider, settle
from tests.service_house import DETACHED, every_kind, open_house

pytestmark = pytest.mark.anyio


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
