"""The times of SPEC.md 8.4 and 8.5 as they are by default, to the moment: on trio, whose clock can be made to jump."""

import anyio
import pytest

from protocol.errors import Code
from protocol.messages import Done, Error, Failure, Heartbeat, Start, Success
from sidecar.dialects import FRAMES, LINES, PayloadDialect
from sidecar.secret import Secret
from sidecar.session import Peer
from sidecar.session.outbox import Outbox
from tests.session.fakes import MemoryStream
from tests.session.house import Client, in_virtual_time, open_house, settle

both_dialects = pytest.mark.parametrize("dialect", [FRAMES, LINES], ids=lambda dialect: dialect.name)

# For a timer to ring, and what it leads to, to happen.
A_MOMENT = 0.001


async def pass_by(seconds: float, client: Client) -> list[object]:
    """Let time pass and return what the client got."""
    await anyio.sleep(seconds)
    return [*client.read_now()]


@both_dialects
@in_virtual_time
async def test_a_streaming_request_gets_a_heartbeat_after_ten_seconds_of_silence(dialect: PayloadDialect) -> None:
    async with open_house() as house:
        client = house.connect(dialect)
        await anyio.sleep(7)  # the connection's age does not count
        client.chat("1", stream=True)
        assert isinstance((await pass_by(A_MOMENT, client))[0], Start)
        assert await pass_by(9.99, client) == []
        assert await pass_by(0.01, client) == [Heartbeat()]
        assert await pass_by(9.99, client) == []
        assert await pass_by(0.02, client) == [Heartbeat()]
        await anyio.sleep(5)
        call = await house.next_call()
        call.say("text")
        assert len(await pass_by(A_MOMENT, client)) == 1
        assert await pass_by(9.99, client) == []
        assert await pass_by(0.01, client) == [Heartbeat()]
        call.finish()
        assert isinstance((await pass_by(A_MOMENT, client))[0], Done)
        assert await pass_by(100, client) == []


@in_virtual_time
async def test_whatever_is_written_on_the_connection_puts_the_heartbeat_off() -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat("1", stream=True)
        await anyio.sleep(6)
        client.ask("ping", id="p")
        await anyio.sleep(A_MOMENT)
        client.read_now()
        assert await pass_by(9.99, client) == []
        assert await pass_by(0.01, client) == [Heartbeat()]


@in_virtual_time
async def test_what_was_sent_after_a_stall_is_no_silence() -> None:
    stream = MemoryStream(room=0)
    outbox = Outbox(stream, stall_seconds=20, heartbeat=lambda: b"H", heartbeat_seconds=10)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outbox.run)
        outbox.put(b"text")
        await anyio.sleep(15)
        stream.take(4)
        await anyio.sleep(9.99)
        assert stream.arrived == b"text"
        stream.take(1)
        await anyio.sleep(0.02)
        assert stream.arrived == b"textH"
        tasks.cancel_scope.cancel()


@both_dialects
@in_virtual_time
async def test_plain_and_waiting_requests_get_no_heartbeat(dialect: PayloadDialect) -> None:
    async with open_house(max_running=1) as house:
        client = house.connect(dialect)
        client.chat("1")
        client.chat("2", stream=True)
        assert await pass_by(1000, client) == []
        (await house.next_call()).finish()
        answer, start = await pass_by(A_MOMENT, client)
        assert isinstance(answer, Success)
        assert isinstance(start, Start)
        assert await pass_by(10, client) == [Heartbeat()]


@both_dialects
@in_virtual_time
async def test_a_connection_without_a_request_is_closed_without_a_word_after_five_minutes(
    dialect: PayloadDialect,
) -> None:
    async with open_house() as house:
        client = house.connect(dialect)
        client.ask("ping", id="p")
        await anyio.sleep(100)
        client.chat("1")
        await anyio.sleep(1000)
        assert not client.has_ended()
        (await house.next_call()).finish()
        await anyio.sleep(299.99)
        assert not client.has_ended()
        client.read_now()
        assert await pass_by(0.02, client) == []
        assert client.has_ended()


@in_virtual_time
async def test_a_message_must_be_whole_ten_seconds_after_its_first_byte() -> None:
    async with open_house(heartbeat_seconds=1000) as house:
        client = house.connect()
        client.chat("1", stream=True)
        await anyio.sleep(1)
        for byte in b"\0\0\1\0{    ":  # each in time, all of them too slow
            client.stream.deliver(bytes([byte]))
            await anyio.sleep(1)
        client.read_now()
        assert await pass_by(0.99, client) == []
        [last] = await pass_by(0.02, client)
        assert isinstance(last, Error)
        assert (last.id, last.code) == (None, Code.BAD_FRAME)
        assert last.message == "A message was not whole after 10 s."
        assert (await house.next_call()).was_cancelled


@in_virtual_time
async def test_each_message_has_ten_seconds_of_its_own() -> None:
    async with open_house() as house:
        client = house.connect(LINES)
        for _ in range(5):
            client.stream.deliver(b'{"action":"pi')
            await anyio.sleep(6)
            client.stream.deliver(b'ng"}\n{"action":')
            await anyio.sleep(6)
            client.stream.deliver(b'"ping"}\n')
        assert len(await pass_by(A_MOMENT, client)) == 10
        client.stream.deliver(b"{")
        assert await pass_by(9.99, client) == []
        [last] = await pass_by(0.02, client)
        assert isinstance(last, Failure)
        assert last.code == Code.BAD_FRAME


@in_virtual_time
async def test_a_reader_that_takes_nothing_for_fifteen_seconds_is_cut() -> None:
    async with open_house() as house:
        client = house.connect(room=0)
        client.chat("1", stream=True)
        for _ in range(5):
            await anyio.sleep(14.9)
            client.stream.take(1)
        await anyio.sleep(14.99)
        assert not client.has_ended()
        await anyio.sleep(0.02)
        assert client.has_ended()
        assert (await house.next_call()).was_cancelled


@in_virtual_time
async def test_a_client_with_nothing_to_read_is_not_cut() -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat("1")
        await anyio.sleep(1000)
        (await house.next_call()).finish()
        assert len(await pass_by(A_MOMENT, client)) == 1


@in_virtual_time
async def test_a_parent_may_take_its_time() -> None:
    async with open_house(read_seconds=None, idle_seconds=None) as house:
        client = house.connect(LINES, peer=Peer(name="stdio", is_private=True))
        for _ in range(2):
            client.stream.deliver(b'{"action":')
            await anyio.sleep(10_000)
            client.stream.deliver(b'"ping"}\n')
            assert len(await pass_by(10_000, client)) == 1


@in_virtual_time
async def test_what_a_refused_peer_still_sends_is_dropped_for_one_second() -> None:
    async with open_house() as house:
        client = house.connect()
        client.stream.deliver(b"x")
        await settle()
        for _ in range(9):
            client.stream.deliver(b"more")
            await anyio.sleep(0.11)
        assert not client.has_ended()
        await anyio.sleep(0.02)
        assert client.has_ended()


@in_virtual_time
async def test_a_wrong_guess_at_the_token_costs_a_tenth_of_a_second() -> None:
    async with open_house() as house:
        client = house.connect(peer=Peer(name="test", token=Secret("canary-0123456789")))
        client.chat("1", token="wrong")
        assert await pass_by(0.099, client) == []
        assert len(await pass_by(0.002, client)) == 1
