"""Tickets on a connection: in `start`, and by the action."""

import pytest

from protocol.errors import Code
from protocol.messages import Done, Error, Failure
from sidecar.replies import TicketLimits, TicketStore
from tests.session.house import open_house

pytestmark = pytest.mark.anyio


def new_tickets() -> TicketStore:
    return TicketStore(TicketLimits(ticket_seconds=7))


async def test_start_brings_the_ticket_that_was_asked_for() -> None:
    async with open_house(tickets=new_tickets()) as house:
        client = house.connect()
        client.chat("1", stream=True, detach=True, ticket=True)
        start = await client.read_start()
        assert start.ticket is not None
        assert start.expires_in == 7
        reply, after = house.service.redeem(start.ticket)
        assert (reply.id, after) == (start.reply, 0)
        house.service.leave(reply)
        (await house.next_call()).finish()
        await client.read_ends()


async def test_start_brings_none_that_was_not_asked_for() -> None:
    async with open_house(tickets=new_tickets()) as house:
        client = house.connect()
        client.chat("1", stream=True, detach=True)
        start = await client.read_start()
        assert (start.ticket, start.expires_in) == (None, None)
        (await house.next_call()).finish()
        await client.read_ends()


async def test_the_same_request_again_has_a_ticket_of_its_own() -> None:
    async with open_house(tickets=new_tickets()) as house:
        client = house.connect()
        starts = []
        for request_id in ("1", "2"):
            client.chat(request_id, stream=True, detach=True, ticket=True, key="k")
            starts.append(await client.read_start())
        assert starts[0].reply == starts[1].reply
        assert starts[0].ticket != starts[1].ticket
        (await house.next_call()).finish()
        await client.read_ends(2)


async def test_the_action_gives_a_ticket_on_any_connection() -> None:
    async with open_house(tickets=new_tickets()) as house:
        client, other = house.connect(), house.connect()
        client.chat("1", stream=True, detach=True, user_id="42")
        reply_id = (await client.read_start()).reply
        other.ask("ticket", id="5", reply=reply_id, user_id=42)
        done = await other.read()
        assert isinstance(done, Done)
        assert (done.id, done.expires_in) == ("5", 7)
        assert done.ticket is not None
        reply, _ = house.service.redeem(done.ticket)
        assert reply.id == reply_id
        house.service.leave(reply)

        for fields in ({"reply": reply_id, "user_id": "43"}, {"reply": "r_unknown"}):
            other.ask("ticket", **fields)
            error = await other.read()
            assert isinstance(error, Error)
            assert error.code == Code.NOT_FOUND
        (await house.next_call()).finish()
        await client.read_ends()


async def test_a_plain_answer_can_bring_no_ticket() -> None:
    async with open_house(tickets=new_tickets()) as house:
        client = house.connect()
        client.chat("1", detach=True, ticket=True)
        answer = await client.read()
        assert isinstance(answer, Failure)
        assert (answer.code, answer.id) == (Code.INVALID_PARAMETER, "1")
