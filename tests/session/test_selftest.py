"""A self-test on a connection: a reply like any other, without a model."""

import pytest

from protocol.errors import Code
from protocol.messages import Delta, Done, Error, Success, Usage
from sidecar.replies import TicketLimits, TicketStore
from tests.session.house import open_house

pytestmark = pytest.mark.anyio

FREE = Usage(prompt_tokens=0, completion_tokens=0)


async def test_it_streams_five_deltas_and_asks_no_model() -> None:
    async with open_house() as house:
        client = house.connect()
        client.ask("selftest", id="1", stream=True)
        start = await client.read_start()
        events = [await client.read() for _ in range(6)]
        assert house.provider.calls == []
    assert start.model == "selftest"
    assert "".join(event.text for event in events if isinstance(event, Delta)) == "This comes piece by piece."
    assert [event.seq for event in events if isinstance(event, Delta)] == [1, 2, 3, 4, 5]
    assert isinstance(events[-1], Done)
    assert (events[-1].finish_reason, events[-1].usage) == ("stop", FREE)


async def test_in_one_piece_it_is_a_plain_answer() -> None:
    async with open_house() as house:
        client = house.connect()
        client.ask("selftest", id="1")
        answer = await client.read()
    assert isinstance(answer, Success)
    assert (answer.data, answer.usage) == ("This comes piece by piece.", FREE)


async def test_a_ticket_opens_it_for_the_web_server() -> None:
    async with open_house(tickets=TicketStore(TicketLimits())) as house:
        client = house.connect()
        client.ask("selftest", id="1", stream=True, detach=True, ticket=True, user_id=7)
        start = await client.read_start()
        assert start.ticket is not None
        reply, after = house.service.redeem(start.ticket)
        assert (reply.id, reply.user_id, after) == (start.reply, "7", 0)
        house.service.leave(reply)


@pytest.mark.parametrize("fields", [{"ticket": True, "stream": True}, {"ticket": True, "detach": True}])
async def test_a_ticket_asks_for_a_detached_stream(fields: dict[str, object]) -> None:
    async with open_house(tickets=TicketStore(TicketLimits())) as house:
        client = house.connect()
        client.ask("selftest", id="1", **fields)
        error = await client.read()
    assert getattr(error, "code", None) == Code.INVALID_PARAMETER


async def test_a_cancelled_one_has_cost_nothing() -> None:
    async with open_house() as house:
        client = house.connect()
        client.ask("selftest", id="1", stream=True)
        await client.read_start()
        client.ask("cancel", id="1")
        while not isinstance(event := await client.read(), Error):
            assert isinstance(event, Delta)
    assert (event.code, event.usage) == (Code.CANCELLED, FREE)
