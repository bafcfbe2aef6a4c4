"""Two requests for the same text share one call; each has its own id, its own end, and can be cancelled alone."""

import pytest

from protocol.errors import Code
from protocol.messages import Done, Error, Success
from tests.session.house import Client, House, open_house, settle, text_of

pytestmark = pytest.mark.anyio


async def two_readers(house: House, *, stream: bool) -> tuple[Client, Client]:
    clients = house.connect(), house.connect()
    for client in clients:
        client.ask("summarize", id="1", content="One text.", stream=stream)
        await settle()
    return clients


async def test_the_second_is_told_that_it_shares_and_cost_nothing() -> None:
    async with open_house() as house:
        first, second = await two_readers(house, stream=True)
        call = await house.next_call()
        call.say("Short.")
        call.finish()
        (of_first,), (of_second,) = await first.read_ends(), await second.read_ends()
        assert isinstance(of_first, Done)
        assert isinstance(of_second, Done)
        assert (of_first.shared, of_second.shared, of_second.overhead_ms) == (False, True, 0.0)
        assert text_of(first.messages, "1") == text_of(second.messages, "1") == "Short."
        assert len(house.provider.calls) == 1


async def test_plain_answers_share_too() -> None:
    async with open_house() as house:
        first, second = await two_readers(house, stream=False)
        call = await house.next_call()
        call.say("Short.")
        call.finish()
        of_first, of_second = await first.read(), await second.read()
        assert isinstance(of_first, Success)
        assert isinstance(of_second, Success)
        assert (of_first.data, of_first.shared) == ("Short.", False)
        assert (of_second.data, of_second.shared) == ("Short.", True)
        assert of_first.reply != of_second.reply


@pytest.mark.parametrize("cancelled", [0, 1])
async def test_to_cancel_one_does_not_end_the_other(cancelled: int) -> None:
    async with open_house() as house:
        clients = await two_readers(house, stream=True)
        call = await house.next_call()
        call.say("Sho")
        await settle()
        clients[cancelled].ask("cancel", id="1")
        (end,) = await clients[cancelled].read_ends()
        assert isinstance(end, Error)
        assert (end.code, end.shared) == (Code.CANCELLED, cancelled == 1)
        call.say("rt.")
        call.finish()
        other = clients[1 - cancelled]
        (end,) = await other.read_ends()
        assert isinstance(end, Done)
        assert text_of(other.messages, "1") == "Short."
        await settle()
        assert text_of(clients[cancelled].messages, "1") == "Sho"
        assert clients[cancelled].read_now() == []


async def test_the_call_ends_with_its_last_request() -> None:
    async with open_house() as house:
        first, second = await two_readers(house, stream=False)
        call = await house.next_call()
        first.ask("cancel", id="1")
        await first.read()
        assert not call.has_left
        second.stream.leave()
        await call.left()
        assert call.was_cancelled
