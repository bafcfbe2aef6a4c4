"""The end of input, and peers that leave. SPEC.md, 8.7."""

import pytest

from protocol.messages import Failure, Success
from sidecar.dialects import FRAMES, LINES, PayloadDialect
from sidecar.session import Peer
from tests.session.house import PEER, Client, House, open_house, settle

pytestmark = pytest.mark.anyio

both_dialects = pytest.mark.parametrize("dialect", [FRAMES, LINES], ids=lambda dialect: dialect.name)


async def two_at_once(house: House, dialect: PayloadDialect) -> Client:
    """Return a client with a streamed and a plain request that the provider was asked for."""
    client = house.connect(dialect)
    client.chat("1", stream=True)
    (await house.next_call()).say("text")
    client.chat("2")
    await house.next_call()
    await settle()
    client.read_now()
    return client


async def test_in_frames_the_end_of_input_cancels_everything_at_once() -> None:
    async with open_house() as house:
        client = await two_at_once(house, FRAMES)
        client.stream.end()
        for call in house.provider.calls:
            await call.left()
            assert call.was_cancelled
        assert await client.read_all() == []


@both_dialects
async def test_a_peer_that_resets_the_connection_has_left(dialect: PayloadDialect) -> None:
    async with open_house() as house:
        client = await two_at_once(house, dialect)
        client.stream.reset()
        for call in house.provider.calls:
            await call.left()
            assert call.was_cancelled
        await client.ended()


async def test_in_lines_a_peer_that_closed_both_sides_has_left() -> None:
    async with open_house() as house:
        client = await two_at_once(house, LINES)
        client.stream.leave()
        for call in house.provider.calls:
            await call.left()
            assert call.was_cancelled
        await client.ended()


async def test_in_lines_a_peer_is_noticed_to_leave_after_the_end_of_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidecar.session.session._LOOK_SECONDS", 0.01)
    async with open_house() as house:
        client = await two_at_once(house, LINES)
        client.stream.end()
        await settle()
        assert not any(call.has_left for call in house.provider.calls)
        client.stream.leave()
        await client.ended()
        for call in house.provider.calls:
            await call.left()


@pytest.mark.parametrize(
    ("dialect", "peer"),
    [(LINES, PEER), (LINES, Peer(name="stdio", is_private=True)), (FRAMES, Peer(name="stdio", is_private=True))],
)
async def test_in_lines_and_on_stdio_what_runs_and_waits_is_served_after_the_end_of_input(
    dialect: PayloadDialect, peer: Peer
) -> None:
    async with open_house(max_running=2) as house:
        client = house.connect(dialect, peer=peer)
        client.chat("1", stream=True)
        client.chat("2")
        client.chat(content="3")
        client.stream.end()
        await settle()
        assert not client.has_ended()
        for _ in range(3):
            (await house.next_call()).finish()
        got = await client.read_ends(3)
        assert sorted(type(end).__name__ for end in got) == ["Done", "Success", "Success"]
        assert await client.read_all() == []
        await client.ended()


async def test_in_lines_a_last_line_needs_no_line_feed() -> None:
    async with open_house() as house:
        client = house.connect(LINES)
        client.stream.deliver(b'{"action":"chat","content":"Hi"}')
        await settle()
        assert house.provider.calls == []
        client.stream.end()
        (await house.next_call()).finish()
        assert isinstance(await client.read(), Success)
        assert await client.read_all() == []


@pytest.mark.parametrize("last", [b"{", b'{"action":"ping"', b"x"])
async def test_in_lines_a_last_line_that_is_no_message_is_answered(last: bytes) -> None:
    async with open_house() as house:
        client = house.connect(LINES)
        client.stream.deliver(b"\n" + last)
        client.stream.end()
        [answer] = await client.read_all()
        assert isinstance(answer, Failure)
        assert answer.error == "Invalid JSON request"


async def test_in_frames_an_unfinished_frame_is_dropped_with_its_connection() -> None:
    async with open_house() as house:
        client = house.connect()
        client.stream.deliver(b"\0\0\0\x10{")
        client.stream.end()
        assert await client.read_all() == []
        await client.ended()


@both_dialects
@pytest.mark.parametrize("detach", [False, True])
async def test_what_still_waits_is_never_asked_for_when_its_client_leaves(
    dialect: PayloadDialect, detach: bool
) -> None:
    async with open_house(max_running=1) as house:
        client = house.connect(dialect)
        for number in range(5):
            client.chat(f"{number}", detach=detach and number > 0)
        call = await house.next_call()
        await settle()
        client.stream.reset()
        await client.ended()
        await call.left()
        await settle()
        assert house.provider.calls == [call]


async def test_what_still_waits_is_never_asked_for_when_the_connection_is_refused() -> None:
    async with open_house(max_running=1) as house:
        client = house.connect()
        for number in range(5):
            client.chat(f"{number}")
        await house.next_call()
        client.stream.deliver(b"garbage")
        await client.read()
        client.stream.end()
        await client.ended()
        assert len(house.provider.calls) == 1


async def test_a_peer_that_leaves_while_its_answers_wait_for_room_ends_the_session() -> None:
    async with open_house() as house:
        client = house.connect(LINES, room=0)
        client.chat()
        (await house.next_call()).finish()
        await settle()
        assert client.session is not None
        assert not client.session.is_idle
        client.stream.leave()
        await client.ended()


async def test_a_peer_that_leaves_before_its_answer_is_sent_ends_the_session() -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat("1", stream=True)
        call = await house.next_call()
        await settle()
        client.stream._is_broken = True  # the sender notices first
        call.say("text")
        await client.ended()
        await call.left()
        assert call.was_cancelled


async def test_what_waits_for_room_is_sent_before_the_connection_closes() -> None:
    async with open_house() as house:
        client = house.connect(LINES, room=0)
        client.chat()
        client.stream.end()
        (await house.next_call()).finish()
        await settle()
        assert not client.has_ended()
        client.stream.take(10_000)
        assert len(await client.read_all()) == 1
