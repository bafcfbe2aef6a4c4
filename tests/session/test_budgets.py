"""The bytes of unanswered requests are counted, and not for longer than that. At every end `open_house` looks, too."""

from collections.abc import Awaitable, Callable

import pytest

from sidecar.dialects import FRAMES, LINES, PayloadDialect
from tests.session.house import Client, House, open_house, settle

pytestmark = pytest.mark.anyio

both_dialects = pytest.mark.parametrize("dialect", [FRAMES, LINES], ids=lambda dialect: dialect.name)


async def streamed(house: House, client: Client) -> None:
    client.chat("1", stream=True)
    (await house.next_call()).finish()
    await client.read_ends()


async def plain(house: House, client: Client) -> None:
    client.chat()
    (await house.next_call()).finish()
    await client.read()


async def failed(house: House, client: Client) -> None:
    client.chat("1", " ")
    await client.read()


async def cancelled(house: House, client: Client) -> None:
    client.chat("1", stream=True)
    client.ask("cancel", id="1")
    await client.read_ends()


async def cancelled_while_it_waited(house: House, client: Client) -> None:
    client.chat("1")
    client.chat("2")
    client.ask("cancel", id="2")
    (await house.next_call()).finish()
    await client.read_ends(2)


async def overloaded(house: House, client: Client) -> None:
    client.chat("1")
    client.chat("2")
    client.chat("3")
    for _ in range(2):
        (await house.next_call()).finish()
    await client.read_ends(3)


async def duplicate(house: House, client: Client) -> None:
    client.chat("1")
    client.chat("1")
    (await house.next_call()).finish()
    await client.read_ends(2)


async def controls(house: House, client: Client) -> None:
    client.ask("ping", id="1")
    client.ask("ticket", reply="r")
    client.ask("cancel", reply="r")
    client.ask("cancel", id="unknown")
    await client.read_ends(3)


async def bad_messages(house: House, client: Client) -> None:
    client.send(b"x", b"{}", b'{"action":"chat","id":"1"}')
    await client.read_ends(3)


async def answers_in_turn(house: House, client: Client) -> None:
    client.chat()
    client.ask("ping")
    (await house.next_call()).finish()
    await client.read_ends(2)


ENDINGS = [
    streamed,
    plain,
    failed,
    cancelled,
    cancelled_while_it_waited,
    overloaded,
    duplicate,
    controls,
    bad_messages,
    answers_in_turn,
]


@both_dialects
@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.__name__)
async def test_after_every_ending_nothing_is_counted_any_more(
    dialect: PayloadDialect, ending: Callable[[House, Client], Awaitable[None]]
) -> None:
    async with open_house(max_running=1, max_waiting=1) as house:
        client = house.connect(dialect)
        for _ in range(2):
            await ending(house, client)
            await settle()
            assert house.limits.unfinished.used_bytes == 0


@both_dialects
async def test_what_has_come_of_a_message_is_counted(dialect: PayloadDialect) -> None:
    async with open_house() as house:
        client = house.connect(dialect)
        message = dialect.wrap(b'{"action":"chat","content":"Hi"}')
        for at in range(len(message) - 1):
            client.stream.deliver(message[at : at + 1])
            await settle()
            assert house.limits.unfinished.used_bytes == at + 1
        client.stream.deliver(message[-1:])
        call = await house.next_call()
        await settle()
        assert house.limits.unfinished.used_bytes == len(message)
        call.finish()
        await client.read()
        await settle()
        assert house.limits.unfinished.used_bytes == 0


async def test_blank_lines_count_for_nothing() -> None:
    async with open_house() as house:
        client = house.connect(LINES)
        client.stream.deliver(b"\n  \r\n\n")
        await settle()
        assert house.limits.unfinished.used_bytes == 0


async def test_what_waits_and_runs_is_counted_until_its_client_leaves() -> None:
    async with open_house(max_running=1) as house:
        client = house.connect()
        for request_id in "abc":
            client.chat(request_id, "x" * 1000)
        await house.next_call()
        await settle()
        assert house.limits.unfinished.used_bytes > 3000
        client.stream.leave()
        await client.ended()
        assert house.limits.unfinished.used_bytes == 0


async def test_a_connection_that_holds_too_much_harms_no_other() -> None:
    async with open_house() as house:
        house.limits.unfinished.limit_bytes = 2000
        good, greedy = house.connect(), house.connect()
        good.chat("1", "x" * 1000, stream=True)
        call = await house.next_call()
        await good.read_start()
        greedy.chat("1", "x" * 1000)
        await greedy.read_all()
        call.finish()
        await good.read_ends()
        greedy.stream.end()
        await greedy.ended()
        good.chat("2", "x" * 1000)
        (await house.next_call()).finish()
        await good.read_ends()
