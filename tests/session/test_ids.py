"""Ids, requests without one, and the order of answers in lines. SPEC.md, 7.2 and 7.3."""

import pytest
from msgspec import UNSET

from protocol.errors import Code
from protocol.messages import Done, Error, Failure, Start, Success
from sidecar.dialects import FRAMES, LINES
from tests.session.house import open_house, settle

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("stream", [True, False])
async def test_a_second_request_of_the_same_id_is_refused_and_the_first_unharmed(stream: bool) -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat("1", stream=True)
        await client.read_start()
        call = await house.next_call()
        client.chat("1", stream=stream)
        refusal = await client.read()
        assert isinstance(refusal, Error if stream else Failure)
        assert (refusal.id, refusal.code) == ("1", Code.DUPLICATE_ID)
        call.finish()
        end = await client.read()
        assert isinstance(end, Done)
        assert len(house.provider.calls) == 1


async def test_the_id_of_a_waiting_request_is_taken_too() -> None:
    async with open_house(max_running=1) as house:
        client = house.connect()
        client.chat("a")
        client.chat("b")
        client.chat("b")
        refusal = await client.read()
        assert isinstance(refusal, Failure)
        assert (refusal.id, refusal.code) == ("b", Code.DUPLICATE_ID)


async def test_an_id_is_free_again_after_its_end() -> None:
    async with open_house() as house:
        client = house.connect()
        for _ in range(3):
            client.chat("1", stream=True)
            (await house.next_call()).finish()
            (end,) = await client.read_ends()
            assert isinstance(end, Done)


async def test_in_frames_a_second_request_without_id_is_refused_until_the_first_has_ended() -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat()
        call = await house.next_call()
        client.chat(stream=True)
        client.chat("named")
        refusal = await client.read()
        assert isinstance(refusal, Error)
        assert (refusal.id, refusal.code) == (UNSET, Code.DUPLICATE_ID)
        (await house.next_call()).finish()
        named = await client.read()
        assert isinstance(named, Success)
        assert named.id == "named"
        call.finish()
        first = await client.read()
        assert isinstance(first, Success)
        assert first.id is UNSET
        client.chat()
        (await house.next_call()).finish()
        assert isinstance(await client.read(), Success)


async def test_in_frames_controls_without_id_are_answered_at_once() -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat()
        await house.next_call()
        client.ask("ping")
        pong = await client.read()
        assert isinstance(pong, Done)
        assert (pong.id, pong.ready) == (UNSET, True)


async def test_in_lines_requests_without_id_are_served_one_after_the_other() -> None:
    async with open_house() as house:
        client = house.connect(LINES)
        for number in range(3):
            client.chat(content=f"{number}", stream=True)
        for number in range(3):
            await client.read_start()
            call = await house.next_call()
            assert call.prompt.subject == f"{number}"
            await settle()
            assert len(house.provider.calls) == number + 1
            call.finish()
            assert isinstance(await client.read(), Done)


async def test_in_lines_everything_without_id_waits_for_its_turn() -> None:
    async with open_house() as house:
        client = house.connect(LINES)
        client.chat()
        call = await house.next_call()
        client.send(b"nonsense")
        client.ask("ping")
        client.ask("chat", contnt="typo", stream=True)
        client.ask("cancel", reply="r_unknown")
        client.chat(content="second")
        client.ask("ticket", reply="r_unknown")
        await settle()
        assert client.read_now() == []
        call.finish()
        (await house.next_call()).finish()
        got = [await client.read() for _ in range(7)]
        assert [type(message) for message in got] == [Success, Failure, Done, Error, Error, Success, Error]
        codes = [message.code for message in got if isinstance(message, Failure | Error)]
        assert codes == [Code.BAD_MESSAGE, Code.BAD_MESSAGE, Code.NOT_FOUND, Code.UNSUPPORTED]
        assert all(message.id is UNSET for message in got if not isinstance(message, Start))


async def test_in_lines_an_answer_does_not_overtake_a_request_that_has_no_room_to_run() -> None:
    async with open_house(max_running=1) as house:
        client = house.connect(LINES)
        client.chat("named")
        named = await house.next_call()
        client.chat(content="second")
        client.ask("ping")
        await settle()
        assert client.read_now() == []
        named.finish()
        (await house.next_call()).finish()
        got = [await client.read() for _ in range(3)]
        assert [type(message) for message in got] == [Success, Success, Done]


async def test_in_lines_what_has_an_id_is_answered_when_it_is_ready() -> None:
    async with open_house() as house:
        client = house.connect(LINES)
        client.chat()
        first = await house.next_call()
        client.ask("ping", id="p")
        client.ask("chat", id="typo", contnt="typo")
        client.chat("2")
        (await house.next_call()).finish()
        got = [await client.read() for _ in range(3)]
        assert [getattr(message, "id", None) for message in got] == ["p", "typo", "2"]
        first.finish()
        assert isinstance(await client.read(), Success)


@pytest.mark.parametrize("dialect", [FRAMES, LINES], ids=lambda dialect: dialect.name)
async def test_sixteen_run_a_hundred_wait_in_order_and_the_rest_is_overloaded(dialect: object) -> None:
    async with open_house() as house:
        client = house.connect(FRAMES if dialect is FRAMES else LINES)
        for number in range(120):
            client.chat(f"{number}", f"{number}")
        refused = [await client.read() for _ in range(4)]
        for number, refusal in enumerate(refused, 116):
            assert isinstance(refusal, Failure)
            assert (refusal.id, refusal.code, refusal.retry_after) == (f"{number}", Code.OVERLOADED, 1.0)
        await settle()
        assert len(house.provider.calls) == 16
        for number in range(116):
            call = await house.next_call()
            assert call.prompt.subject == f"{number}"
            call.finish()
            assert getattr(await client.read(), "id", None) == f"{number}"


async def test_controls_take_no_place() -> None:
    async with open_house(max_running=1, max_waiting=0) as house:
        client = house.connect()
        client.chat("1", stream=True)
        reply = (await client.read_start()).reply
        client.ask("ping", id="1")
        client.ask("ticket", id="1", reply=reply)
        client.ask("cancel", id="1", reply=reply)
        got = [await client.read() for _ in range(3)]
        assert [getattr(message, "code", None) for message in got] == [None, Code.UNSUPPORTED, Code.NOT_FOUND]
        client.chat("2")
        assert getattr(await client.read(), "code", None) == Code.OVERLOADED
        (await house.next_call()).finish()
        assert isinstance(await client.read(), Done)


async def test_in_lines_more_requests_than_may_wait_are_read_as_they_are_answered() -> None:
    async with open_house(max_running=1, max_waiting=2) as house:
        client = house.connect(LINES)
        for number in range(8):
            client.chat(content=f"question {number}")
        for number in range(8):
            call = await house.next_call()
            assert call.prompt.messages[-1].content == f"question {number}"
            call.finish()
            assert isinstance(await client.read(), Success)
