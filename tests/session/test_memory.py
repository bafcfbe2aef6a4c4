"""What a connection holds back for a reader that takes nothing: little, and never what its replies' logs hold (C05)."""

import pytest

from protocol.messages import Done, Success
from tests.session.house import open_house, settle, text_of

pytestmark = pytest.mark.anyio

ROOM = 256 * 1024
# A batch of deltas, with what surrounds each.
BATCH = 80 * 1024


async def test_a_stream_waits_in_its_log() -> None:
    async with open_house() as house:
        client = house.connect(room=0)
        client.chat("1", stream=True)
        call = await house.next_call()
        texts = ["x" * 1000] * 900
        call.say(*texts)
        call.finish()
        await call.left()
        await settle()
        assert client.session is not None
        assert ROOM < len(client.session._outbox._pending) < ROOM + BATCH
        client.stream.take(10_000_000)
        (end,) = await client.read_ends()
        assert isinstance(end, Done)
        assert text_of(client.messages, "1") == "".join(texts)


async def test_plain_answers_wait_in_their_logs() -> None:
    async with open_house() as house:
        client = house.connect(room=0)
        for number in range(4):
            client.chat(f"{number}")
            call = await house.next_call()
            call.say("x" * ROOM)
            call.finish()
            await call.left()
            await settle()
        assert client.session is not None
        assert ROOM < len(client.session._outbox._pending) < ROOM + 1000
        client.stream.take(10_000_000)
        ends = await client.read_ends(4)
        assert [len(end.data) for end in ends if isinstance(end, Success)] == [ROOM] * 4
