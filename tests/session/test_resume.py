import pytest

from protocol.errors import Code
from protocol.messages import Answer, Delta, Done, Error, Event, Failure, Success
from sidecar.dialects import LINES
from sidecar.replies import ReplyLimits
from tests.session.fakes import Call
from tests.session.house import Client, House, is_end, open_house, settle

pytestmark = pytest.mark.anyio

TEXTS = ["one", " two", " three", " four"]


async def detach(house: House, client: Client) -> tuple[str, Call]:
    """Start a detached reply; return its name and its call."""
    client.chat("1", stream=True, detach=True, user_id="42")
    return (await client.read_start()).reply, await house.next_call()


def check_stream(messages: list[Event | Answer], after: int) -> None:
    """It is `start`, the deltas behind `after`, and one end."""
    _, *deltas, end = messages
    assert deltas == [Delta(id="2", seq=seq, text=TEXTS[seq - 1]) for seq in range(after + 1, len(TEXTS) + 1)]
    assert isinstance(end, Done)
    assert end.finish_reason == "stop"


async def resume(client: Client, reply: str, after: int) -> list[Event | Answer]:
    """Resume to the end and return what came, beginning with `start`."""
    client.messages.clear()
    client.ask("resume", id="2", reply=reply, after=after, user_id=42, stream=True)
    assert (await client.read_start()).reply == reply
    await client.read_ends()
    return client.messages


async def test_a_finished_reply_is_read_behind_every_delta() -> None:
    async with open_house() as house:
        client = house.connect()
        reply, call = await detach(house, client)
        call.say(*TEXTS)
        call.finish()
        (end,) = await client.read_ends()
        for after in range(len(TEXTS) + 1):
            check_stream(await resume(client, reply, after), after)
            assert client.messages[-1] == Done(
                id="2",
                finish_reason="stop",
                usage=getattr(end, "usage", None),
                overhead_ms=getattr(end, "overhead_ms", None),
            )


@pytest.mark.parametrize("said", range(len(TEXTS) + 1))
async def test_a_running_reply_is_read_behind_every_delta(said: int) -> None:
    async with open_house() as house:
        client = house.connect()
        reply, call = await detach(house, client)
        call.say(*TEXTS[:said])
        await settle()
        readers = [house.connect() for _ in range(said + 1)]
        for after, reader in enumerate(readers):
            reader.ask("resume", id="2", reply=reply, after=after, stream=True)
            await reader.read_start()
        await settle()
        for after, reader in enumerate(readers):
            assert len(reader.read_now()) == said - after
        call.say(*TEXTS[said:])
        call.finish()
        for after, reader in enumerate(readers):
            await reader.read_ends()
            check_stream(reader.messages, after)


@pytest.mark.parametrize("has_finished", [True, False])
async def test_collecting_gives_the_whole_text_whatever_after_says(has_finished: bool) -> None:
    async with open_house() as house:
        client = house.connect()
        reply, call = await detach(house, client)
        call.say(*TEXTS)
        await settle()
        if has_finished:
            call.finish()
            await client.read_ends()
        other = house.connect(LINES)
        other.ask("resume", reply=reply, after=3)
        await settle()
        if not has_finished:
            assert other.read_now() == []
            call.finish()
        answer = await other.read()
        assert isinstance(answer, Success)
        assert (answer.data, answer.reply, answer.finish_reason) == ("".join(TEXTS), reply, "stop")


async def test_a_failed_reply_is_collected_with_its_name_and_its_text() -> None:
    async with open_house() as house:
        client = house.connect()
        reply, call = await detach(house, client)
        call.say(*TEXTS)
        await settle()
        client.ask("cancel", id="1")
        await client.read_ends()
        client.ask("resume", id="2", reply=reply)
        answer = await client.read()
        assert isinstance(answer, Failure)
        assert (answer.code, answer.reply, answer.partial) == (Code.CANCELLED, reply, "".join(TEXTS))


async def test_more_than_there_is_is_refused_and_the_reply_lives() -> None:
    async with open_house() as house:
        client = house.connect()
        reply, call = await detach(house, client)
        call.say("one")
        await settle()
        client.read_now()
        client.ask("resume", id="2", reply=reply, after=2, stream=True)
        refusal = await client.read()
        assert isinstance(refusal, Error)
        assert (refusal.id, refusal.code) == ("2", Code.INVALID_PARAMETER)
        call.finish()
        (end,) = await client.read_ends()
        assert isinstance(end, Done)


async def test_what_may_not_be_seen_is_not_found() -> None:
    async with open_house() as house:
        client = house.connect()
        reply, call = await detach(house, client)
        client.chat("a", stream=True)
        attached = (await client.read_start()).reply
        for fields in ({"reply": reply, "user_id": "43"}, {"reply": attached}, {"reply": "r_unknown"}):
            client.ask("resume", id="2", stream=True, **fields)
            refusal = await client.read()
            assert isinstance(refusal, Error)
            assert (refusal.id, refusal.code) == ("2", Code.NOT_FOUND)
            assert refusal.usage is not None
        call.finish()
        await client.read_ends()


@pytest.mark.parametrize("stream", [True, False])
async def test_a_detached_reply_outlives_its_connection_and_is_read_on_another(stream: bool) -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat("1", stream=True, detach=True)
        reply = (await client.read_start()).reply
        call = await house.next_call()
        call.say(*TEXTS[:2])
        await settle()
        client.stream.leave()
        await client.ended()
        await settle()
        assert not call.has_left
        other = house.connect()
        other.ask("resume", id="2", reply=reply, after=1, stream=stream)
        call.say(*TEXTS[2:])
        call.finish()
        await other.read_ends()
        if stream:
            check_stream(other.messages, 1)
        else:
            [answer] = other.messages
            assert getattr(answer, "data", None) == "".join(TEXTS)


async def test_a_plain_detached_request_goes_on_without_its_connection() -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat("1", detach=True)
        call = await house.next_call()
        client.stream.leave()
        await client.ended()
        await settle()
        assert not call.has_left
        house.outliving = 1


async def test_a_detached_reply_to_which_nobody_comes_back_is_cancelled() -> None:
    async with open_house(reply_limits=ReplyLimits(grace_seconds=0.02)) as house:
        client = house.connect()
        _, call = await detach(house, client)
        client.stream.leave()
        await call.left()
        assert call.was_cancelled


async def test_leaving_a_resume_harms_no_other_reader() -> None:
    async with open_house() as house:
        client, other = house.connect(), house.connect()
        reply, call = await detach(house, client)
        other.ask("resume", id="2", reply=reply, stream=True)
        await other.read_start()
        other.stream.leave()
        await other.ended()
        call.say(*TEXTS)
        call.finish()
        await client.read_ends()
        assert [m.text for m in client.messages if isinstance(m, Delta)] == TEXTS
        assert sum(map(is_end, client.messages)) == 1


async def test_the_same_key_gives_the_same_reply_twice() -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat("1", stream=True, detach=True, key="k")
        call = await house.next_call()
        call.say("paid once")
        client.chat("2", detach=True, key="k")
        await settle()
        call.finish()
        ends = await client.read_ends(2)
        assert {getattr(end, "id", None) for end in ends} == {"1", "2"}
        assert len(house.provider.calls) == 1
