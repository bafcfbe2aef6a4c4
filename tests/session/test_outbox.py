from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.session import PeerGone
from sidecar.session.outbox import Outbox
from tests.session.fakes import MemoryStream
from tests.session.house import settle

pytestmark = pytest.mark.anyio

ROOM = 256 * 1024


@asynccontextmanager
async def open_outbox(stream: MemoryStream) -> AsyncIterator[Outbox]:
    """Give an outbox whose writer runs, and let it send everything."""
    async with anyio.create_task_group() as tasks:
        outbox = Outbox(stream, stall_seconds=5)
        tasks.start_soon(outbox.run)
        yield outbox
        with anyio.fail_after(5):
            await outbox.flushed()
        tasks.cancel_scope.cancel()


async def test_what_the_connection_takes_is_sent_at_once() -> None:
    stream = MemoryStream()
    async with open_outbox(stream) as outbox:
        outbox.put(b"one")
        assert stream.arrived == b"one"
        assert outbox.is_empty


async def test_what_it_does_not_take_waits_and_keeps_its_order() -> None:
    stream = MemoryStream(room=2)
    async with open_outbox(stream) as outbox:
        outbox.put(b"one")
        outbox.put(b"two")
        assert not outbox.is_empty
        assert stream.arrived == b"on"
        for _ in range(4):
            stream.take(1)
            await settle()
        outbox.put(b"three")
        stream.take(100)
    assert stream.arrived == b"onetwothree"


async def test_in_silence_a_sign_of_life_is_sent_where_somebody_waits_for_one() -> None:
    """When exactly, test_clock.py says."""
    stream = MemoryStream()
    signs = iter([b"", b"a", b"", b"b"])
    given = anyio.Event()

    def heartbeat() -> bytes:
        sign = next(signs, b"")
        if sign == b"b":
            given.set()
        return sign

    outbox = Outbox(stream, stall_seconds=5, heartbeat=heartbeat, heartbeat_seconds=0.001)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outbox.run)
        with anyio.fail_after(5):
            await given.wait()
            await settle()
        tasks.cancel_scope.cancel()
    assert stream.arrived == b"ab"


async def test_room_is_there_again_when_most_has_been_taken() -> None:
    stream = MemoryStream(room=0)
    async with open_outbox(stream) as outbox:
        with anyio.fail_after(5):
            await outbox.room()
        outbox.put(b"x" * ROOM)
        with pytest.raises(TimeoutError), anyio.fail_after(0.01):
            await outbox.room()
        stream.take(1)
        with anyio.fail_after(5):
            await outbox.room()
        stream.take(ROOM)


async def test_those_who_wait_for_room_do_not_all_fill_it_at_once() -> None:
    stream = MemoryStream(room=0)
    in_order: list[int] = []

    async def put(number: int) -> None:
        await outbox.room()
        outbox.put(bytes(ROOM))
        in_order.append(number)

    async with open_outbox(stream) as outbox:
        outbox.put(bytes(ROOM))
        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(put, number)
            for done in range(1, 4):
                await settle()
                assert len(in_order) == done - 1
                stream.take(ROOM)
            await settle()
            assert sorted(in_order) == [0, 1, 2]
        stream.take(ROOM)


async def test_a_peer_that_asks_and_does_not_read_is_given_up() -> None:
    outbox = Outbox(MemoryStream(room=0), stall_seconds=5)
    for _ in range(5):
        outbox.put_unread(bytes(500_000))
    with pytest.raises(PeerGone, match="asks and does not read"):
        outbox.put_unread(b"x")


async def test_a_peer_that_reads_nothing_is_given_up() -> None:
    outbox = Outbox(MemoryStream(room=10), stall_seconds=0.01)
    outbox.put(bytes(11))
    with pytest.raises(PeerGone, match=r"read nothing for 0\.01 s"):
        await outbox.run()


async def test_a_connection_that_breaks_while_something_waits_ends_the_writer() -> None:
    stream = MemoryStream(room=0)
    outbox = Outbox(stream, stall_seconds=5)
    outbox.put(b"x")
    async with anyio.create_task_group() as tasks:

        async def leave() -> None:
            await settle()
            stream.leave()

        tasks.start_soon(leave)
        with pytest.raises(PeerGone):
            await outbox.run()


async def test_a_connection_that_is_found_broken_ends_the_writer_and_raises_nothing_in_put() -> None:
    stream = MemoryStream()
    outbox = Outbox(stream, stall_seconds=5)
    stream.leave()
    outbox.put(b"one")
    outbox.put(b"two")
    assert outbox.is_empty
    with pytest.raises(PeerGone, match="the peer has gone"), anyio.fail_after(5):
        await outbox.run()


@given(messages=st.lists(st.binary(min_size=1, max_size=50)), rooms=st.lists(st.integers(0, 30)))
async def test_whatever_the_connection_takes_and_when_all_arrives_in_order(
    messages: list[bytes], rooms: list[int]
) -> None:
    stream = MemoryStream(room=0)
    async with open_outbox(stream) as outbox:
        for number, message in enumerate(messages):
            outbox.put(message)
            if number < len(rooms):
                stream.take(rooms[number])
                await settle()
        stream.take(10_000)
    assert stream.arrived == b"".join(messages)
