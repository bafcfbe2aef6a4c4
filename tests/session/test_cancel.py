import pytest

from protocol.errors import Code
from protocol.messages import Answer, Delta, Done, Error, Event, Failure, Success, Usage
from sidecar.dialects import LINES
from tests.session.fakes import Call
from tests.session.house import Client, House, open_house, settle, text_of

pytestmark = pytest.mark.anyio

NOTHING_SPENT = Usage(prompt_tokens=0, completion_tokens=0)

both_forms = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "plain"])


def check_cancelled(end: Event | Answer, request_id: str, *, stream: bool) -> Usage:
    """Return the usage of an end that must say `cancelled`, in the form of its request."""
    assert isinstance(end, Error if stream else Failure)
    assert (end.id, end.code) == (request_id, Code.CANCELLED)
    assert end.usage is not None
    return end.usage


async def check_alive(house: House, client: Client) -> None:
    """Nothing more came, and the next request is served."""
    await settle()
    assert client.read_now() == []
    client.ask("ping", id="alive")
    pong = await client.read()
    assert isinstance(pong, Done)
    assert pong.id == "alive"


async def start(house: House, client: Client, request_id: str, *, stream: bool) -> Call:
    """Begin a chat and return its call once it was asked."""
    client.chat(request_id, stream=stream)
    call = await house.next_call()
    if stream:
        await client.read_start()
    return call


@both_forms
async def test_a_waiting_request_is_cancelled_without_a_call(stream: bool) -> None:
    async with open_house(max_running=1) as house:
        client = house.connect()
        await start(house, client, "first", stream=False)
        client.chat("1", stream=stream)
        client.ask("cancel", id="1")
        usage = check_cancelled(await client.read(), "1", stream=stream)
        assert usage == NOTHING_SPENT
        await check_alive(house, client)
        assert len(house.provider.calls) == 1
        house.provider.calls[0].finish()
        end = await client.read()
        assert isinstance(end, Success)
        await settle()
        assert len(house.provider.calls) == 1


@both_forms
async def test_a_request_is_cancelled_that_came_in_the_same_read(stream: bool) -> None:
    async with open_house() as house:
        client = house.connect()
        client.send(
            b'{"action":"chat","id":"1","content":"Hi","stream":%s}' % (b"true" if stream else b"false"),
            b'{"action":"cancel","id":"1"}',
        )
        (end,) = await client.read_ends()
        check_cancelled(end, "1", stream=stream)
        await check_alive(house, client)
        assert all(call.was_cancelled for call in house.provider.calls)


@both_forms
async def test_a_request_is_cancelled_before_its_first_token(stream: bool) -> None:
    async with open_house() as house:
        client = house.connect()
        call = await start(house, client, "1", stream=stream)
        client.ask("cancel", id="1")
        usage = check_cancelled(await client.read(), "1", stream=stream)
        assert usage.estimated
        assert usage.prompt_tokens > 0
        assert usage.completion_tokens == 0
        await call.left()
        assert call.was_cancelled
        await check_alive(house, client)


@both_forms
async def test_a_request_is_cancelled_while_it_streams_and_keeps_its_text(stream: bool) -> None:
    async with open_house() as house:
        client = house.connect()
        call = await start(house, client, "1", stream=stream)
        call.say("four", "more")
        await settle()
        client.ask("cancel", id="1")
        (end,) = await client.read_ends()
        usage = check_cancelled(end, "1", stream=stream)
        assert (usage.completion_tokens, usage.estimated) == (2, True)
        assert (text_of(client.messages, "1") if stream else getattr(end, "partial", "")) == "fourmore"
        await call.left()
        assert call.was_cancelled
        call.say("too late")
        await check_alive(house, client)


@both_forms
async def test_a_request_whose_end_waits_for_room_ends_as_it_did(stream: bool) -> None:
    async with open_house() as house:
        client = house.connect(room=0)
        client.chat("1", stream=stream)
        call = await house.next_call()
        client.chat("filler")
        filler = await house.next_call()
        filler.say("x" * 300_000)
        filler.finish()
        await filler.left()
        call.finish()
        await call.left()
        await settle()
        client.ask("cancel", id="1")
        await settle()
        client.stream.take(1_000_000)
        _, end = await client.read_ends(2)
        assert getattr(end, "id", None) == "1"
        assert isinstance(end, Done if stream else Success)
        await check_alive(house, client)


@both_forms
async def test_to_cancel_what_has_ended_does_nothing(stream: bool) -> None:
    async with open_house() as house:
        client = house.connect()
        (await start(house, client, "1", stream=stream)).finish()
        await client.read_ends()
        client.ask("cancel", id="1")
        await check_alive(house, client)


async def test_to_cancel_what_is_unknown_does_nothing() -> None:
    async with open_house() as house:
        client, other = house.connect(), house.connect()
        call = await start(house, other, "1", stream=True)
        client.ask("cancel", id="1")  # that of another connection
        client.ask("cancel", id="2")
        client.ask("cancel")
        await check_alive(house, client)
        call.finish()
        (end,) = await other.read_ends()
        assert isinstance(end, Done)


@both_forms
async def test_a_storm_of_cancels_gives_one_end(stream: bool) -> None:
    async with open_house() as house:
        client = house.connect()
        await start(house, client, "1", stream=stream)
        other = await start(house, client, "2", stream=True)
        client.send(*[b'{"action":"cancel","id":"1"}'] * 10_000)
        check_cancelled(await client.read(), "1", stream=stream)
        await check_alive(house, client)
        other.finish()
        (end,) = await client.read_ends()
        assert isinstance(end, Done)


@pytest.mark.parametrize("in_lines", [False, True])
async def test_a_cancel_without_id_ends_the_running_request_without_id(in_lines: bool) -> None:
    async with open_house() as house:
        client = house.connect(LINES) if in_lines else house.connect()
        named = await start(house, client, "named", stream=True)
        client.chat()
        call = await house.next_call()
        client.ask("cancel")
        end = await client.read()
        assert isinstance(end, Failure)
        assert end.code == Code.CANCELLED
        await call.left()
        named.finish()
        (end,) = await client.read_ends()
        assert isinstance(end, Done)


@both_forms
async def test_cancel_by_reply_from_another_connection(stream: bool) -> None:
    async with open_house() as house:
        client, other = house.connect(), house.connect()
        client.chat("1", stream=True, detach=True, user_id="42")
        reply = (await client.read_start()).reply
        call = await house.next_call()
        client.ask("resume", id="2", reply=reply, stream=stream)
        if stream:
            await client.read_start()
        call.say("text")
        await settle()
        other.ask("cancel", id="9", reply=reply, user_id=42)
        assert await other.read() == Done(id="9")
        ends = sorted(await client.read_ends(2), key=lambda end: str(getattr(end, "id", "")))
        usage = check_cancelled(ends[0], "1", stream=True)
        assert usage == check_cancelled(ends[1], "2", stream=stream)
        assert usage.completion_tokens == 1
        await call.left()
        assert call.was_cancelled


async def test_cancel_by_reply_of_what_has_ended_is_done_and_the_reply_stays() -> None:
    async with open_house() as house:
        client, other = house.connect(), house.connect()
        client.chat("1", stream=True, detach=True)
        call = await house.next_call()
        call.say("whole")
        call.finish()
        await client.read_ends()
        reply = getattr(client.messages[0], "reply", "")
        other.ask("cancel", id="9", reply=reply)
        assert await other.read() == Done(id="9")
        other.ask("resume", id="10", reply=reply)
        end = await other.read()
        assert isinstance(end, Success)
        assert end.data == "whole"


async def test_cancel_by_reply_of_what_may_not_be_seen_is_not_found() -> None:
    async with open_house() as house:
        client, other = house.connect(), house.connect()
        client.chat("mine", stream=True)
        attached = (await client.read_start()).reply
        client.chat("1", stream=True, detach=True, user_id="42")
        detached = (await client.read_start()).reply
        for fields in ({"reply": attached}, {"reply": detached, "user_id": "43"}, {"reply": "r_unknown"}):
            other.ask("cancel", id="9", **fields)
            refusal = await other.read()
            assert isinstance(refusal, Error)
            assert (refusal.id, refusal.code) == ("9", Code.NOT_FOUND)
        for _ in range(2):
            call = await house.next_call()
            call.say("unharmed")
            call.finish()
        assert all(isinstance(end, Done) for end in await client.read_ends(2))


@both_forms
async def test_to_cancel_a_resume_ends_the_reading_only(stream: bool) -> None:
    async with open_house() as house:
        client, other = house.connect(), house.connect()
        client.chat("1", stream=True, detach=True)
        reply = (await client.read_start()).reply
        call = await house.next_call()
        call.say("Hi")
        other.ask("resume", id="2", reply=reply, stream=stream)
        await settle()
        other.ask("cancel", id="2")
        (end,) = await other.read_ends()
        check_cancelled(end, "2", stream=stream)
        call.say(" there")
        call.finish()
        (end,) = await client.read_ends()
        assert isinstance(end, Done)
        assert [m.text for m in client.messages if isinstance(m, Delta)] == ["Hi", " there"]
        await check_alive(house, other)
