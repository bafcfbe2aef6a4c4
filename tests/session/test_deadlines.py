"""That deadlines, heartbeats and cuts work on every backend; test_clock.py says when exactly."""

import logging

import anyio
import anyio.lowlevel
import pytest

from protocol.errors import Code
from protocol.messages import Done, Error, Failure, Heartbeat
from sidecar.dialects import FRAMES, LINES, PayloadDialect
from tests.session.house import open_house, settle, text_of

pytestmark = pytest.mark.anyio

both_dialects = pytest.mark.parametrize("dialect", [FRAMES, LINES], ids=lambda dialect: dialect.name)


@both_dialects
async def test_a_message_that_does_not_become_whole_in_time_is_refused(dialect: PayloadDialect) -> None:
    async with open_house(read_seconds=0.02) as house:
        client = house.connect(dialect)
        client.stream.deliver(dialect.wrap(b'{"action":"ping"}')[:-1])
        [last] = await client.read_all()
        assert isinstance(last, Error | Failure)
        assert last.code == Code.BAD_FRAME
        client.stream.end()
        await client.ended()


@both_dialects
async def test_a_connection_without_a_request_is_closed_without_a_word(dialect: PayloadDialect) -> None:
    async with open_house(idle_seconds=0.02) as house:
        client = house.connect(dialect)
        client.chat("1")
        await anyio.sleep(0.05)  # no wait for anything: the deadline must pass while the request runs
        assert not client.has_ended()
        (await house.next_call()).finish()
        await client.read()
        assert await client.read_all() == []
        await client.ended()


@both_dialects
async def test_heartbeats_come_while_a_streaming_request_is_silent(dialect: PayloadDialect) -> None:
    async with open_house(heartbeat_seconds=0.01) as house:
        client = house.connect(dialect)
        client.chat("1", stream=True)
        await client.read_start()
        assert [await client.read() for _ in range(2)] == [Heartbeat(), Heartbeat()]
        (await house.next_call()).finish()
        (end,) = await client.read_ends()
        assert isinstance(end, Done)


async def test_no_heartbeats_come_to_a_plain_request() -> None:
    async with open_house(heartbeat_seconds=0.005) as house:
        plain, streaming = house.connect(), house.connect()
        plain.chat("1")
        streaming.chat("2", stream=True)
        await streaming.read_start()
        for _ in range(3):
            assert await streaming.read() == Heartbeat()
        assert plain.read_now() == []


async def test_a_reader_that_stalls_is_cut_and_harms_nobody() -> None:
    async with open_house(stall_seconds=0.05) as house:
        stalled, good = house.connect(room=100), house.connect()
        stalled.chat("1", stream=True)
        of_stalled = await house.next_call()
        good.chat("1", stream=True)
        of_good = await house.next_call()
        for _ in range(100):
            of_stalled.say("x" * 10_000)
            of_good.say("y")
        await stalled.ended()
        await of_stalled.left()
        assert of_stalled.was_cancelled
        of_good.say("z")
        of_good.finish()
        (end,) = await good.read_ends()
        assert isinstance(end, Done)
        assert text_of(good.messages, "1") == "y" * 100 + "z"


async def test_a_stalled_reader_of_a_shared_reply_holds_no_other_back() -> None:
    async with open_house() as house:
        stalled, good = house.connect(room=0), house.connect()
        stalled.chat("1", stream=True, detach=True)
        call = await house.next_call()
        await settle()
        stalled.stream.take(200)
        reply = (await stalled.read_start()).reply
        good.ask("resume", id="1", reply=reply, stream=True)
        texts = ["x" * 10_000] * 90
        call.say(*texts)
        call.finish()
        (end,) = await good.read_ends()
        assert isinstance(end, Done)
        assert text_of(good.messages, "1") == "".join(texts)
        stalled.stream.take(10_000_000)
        (end,) = await stalled.read_ends()
        assert isinstance(end, Done)
        assert text_of(stalled.messages, "1") == "".join(texts)


@both_dialects
async def test_a_client_that_asks_and_never_reads_is_cut_before_it_stalls(
    dialect: PayloadDialect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "sidecar")
    async with open_house() as house:
        client, good = house.connect(dialect, room=0), house.connect()
        client.chat("1", stream=True)
        call = await house.next_call()
        pings = 4_000
        for _ in range(5):
            client.send(*[b'{"action":"ping","id":"0123456789012345678901234567890123456789"}'] * pings)
        await client.ended()
        await call.left()
        assert call.was_cancelled
        assert "session cut peer=test: it asks and does not read" in caplog.messages
        good.ask("ping", id="p")
        assert isinstance(await good.read(), Done)


async def test_a_client_that_asks_much_and_reads_late_gets_every_answer() -> None:
    async with open_house() as house:
        client = house.connect(room=0)
        client.send(*[b'{"action":"ping","id":"p"}'] * 10_000)
        await settle()
        client.stream.take(10_000_000)
        assert len(await client.read_ends(10_000)) == 10_000


@pytest.mark.parametrize("tiny", [b"x", b'{"action":"ping"}', b'{"action":"cancel"}'])
async def test_a_burst_of_tiny_messages_lets_others_have_their_turn(tiny: bytes) -> None:
    async with open_house() as house:
        burst, good = house.connect(LINES), house.connect()
        count = 3000
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await anyio.lowlevel.checkpoint()

        await settle()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(count_turns)
            burst.send(*[tiny] * count)
            burst.ask("ping", id="last")
            last: object = None
            while getattr(last, "id", None) != "last":
                last = await burst.read()
            assert turns > count / 300
            tasks.cancel_scope.cancel()
        good.ask("ping", id="p")
        assert isinstance(await good.read(), Done)
