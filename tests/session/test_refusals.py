"""What ends a connection with a last word, and what only ends a message. SPEC.md, 6.1 to 6.3."""

import pytest
from msgspec import UNSET

from protocol.errors import Code
from protocol.messages import Done, Error, Event, Failure
from sidecar.dialects import FRAMES, LINES, PayloadDialect
from sidecar.errors import Forbidden
from sidecar.session import Peer
from tests.session.house import Client, House, open_house, settle

pytestmark = pytest.mark.anyio

both_dialects = pytest.mark.parametrize("dialect", [FRAMES, LINES], ids=lambda dialect: dialect.name)

LARGE = {FRAMES: (101).to_bytes(4, "big"), LINES: b'{"action":"chat","content":"' + b"x" * 100}


async def check_refused(client: Client, code: Code, dialect: PayloadDialect) -> None:
    """The last word has come, and then the end."""
    [last] = await client.read_all()
    if dialect is FRAMES:
        assert isinstance(last, Error)
        assert (last.id, last.code) == (None, code)
    else:
        assert isinstance(last, Failure)
        assert (last.id, last.code) == (UNSET, code)
    assert last.usage is None
    client.stream.end()
    await client.ended()


async def test_bytes_that_are_no_frame_are_refused_once_and_end_what_runs() -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat("1", stream=True, content="running")
        await client.read_start()
        call = await house.next_call()
        client.stream.deliver(b"GET / HTTP/1.1\r\n\r\n")
        await check_refused(client, Code.BAD_FRAME, FRAMES)
        await call.left()
        assert call.was_cancelled


@both_dialects
async def test_a_payload_that_is_too_large_is_refused_before_it_is_there(dialect: PayloadDialect) -> None:
    async with open_house(max_payload_bytes=100) as house:
        client = house.connect(dialect)
        client.stream.deliver(LARGE[dialect])
        await check_refused(client, Code.TOO_LARGE, dialect)


@both_dialects
async def test_what_came_whole_before_the_refusal_is_answered(dialect: PayloadDialect) -> None:
    async with open_house(max_payload_bytes=100) as house:
        client = house.connect(dialect)
        client.stream.deliver(dialect.wrap(b'{"action":"ping","id":"p"}') + LARGE[dialect])
        pong = await client.read()
        assert isinstance(pong, Done)
        await check_refused(client, Code.TOO_LARGE, dialect)


@both_dialects
async def test_a_peer_that_may_not_connect_is_told_and_not_read(dialect: PayloadDialect) -> None:
    async with open_house() as house:
        client = house.connect(dialect, peer=Peer(name="test", refusal=Forbidden("Not you.")))
        client.chat("1")
        await check_refused(client, Code.FORBIDDEN, dialect)
        assert house.provider.calls == []


@both_dialects
async def test_more_than_all_connections_may_hold_is_refused(dialect: PayloadDialect) -> None:
    async with open_house() as house:
        house.limits.unfinished.limit_bytes = 20
        client = house.connect(dialect)
        client.chat("1")
        [last] = await client.read_all()
        assert isinstance(last, Error | Failure)
        assert (last.code, last.retry_after) == (Code.OVERLOADED, 1.0)
        client.stream.end()
        await client.ended()


async def test_what_still_comes_after_a_refusal_is_dropped_until_the_peer_ends() -> None:
    async with open_house() as house:
        client = house.connect()
        client.stream.deliver(b"x")
        await client.read_all()
        client.chat("1")
        await settle()
        assert not client.has_ended()
        client.stream.end()
        await client.ended()
        assert house.provider.calls == []


async def test_what_still_comes_after_a_refusal_is_not_dropped_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidecar.session.session._LINGER_SECONDS", 0.02)
    async with open_house() as house:
        client = house.connect()
        client.stream.deliver(b"x")
        await client.read_all()
        await client.ended()


@both_dialects
async def test_a_peer_that_leaves_at_once_is_refused_all_the_same(dialect: PayloadDialect) -> None:
    async with open_house(max_payload_bytes=100) as house:
        client = house.connect(dialect)
        client.stream.deliver(LARGE[dialect])
        client.stream.leave()
        await client.ended()


async def test_a_refusal_waits_for_what_is_still_to_be_sent() -> None:
    async with open_house() as house:
        client = house.connect(room=0)
        client.ask("ping", id="p")
        client.stream.deliver(b"x")
        await settle()
        client.stream.take(10_000)
        pong, last = await client.read_all()
        assert isinstance(pong, Done)
        assert isinstance(last, Error)
        client.stream.end()
        await client.ended()


BAD_MESSAGES = [
    (b"nonsense", Failure, UNSET),
    (b'{"action":"chat","id":"1","stream":true', Failure, UNSET),
    (b"[]", Failure, UNSET),
    (b"{}", Failure, UNSET),
    (b'{"action":"fly","id":"1"}', Failure, "1"),
    (b'{"action":"fly","id":"1","stream":true}', Error, "1"),
    (b'{"action":"chat","id":"1","contnt":"Hi"}', Failure, "1"),
    (b'{"action":"chat","id":"1","contnt":"Hi","stream":true}', Error, "1"),
    (b'{"action":"chat","id":"a b","content":"Hi","stream":true}', Error, UNSET),
    (b'{"action":"chat","id":1,"content":"Hi","stream":"true"}', Failure, UNSET),
    (b'{"action":"cancel","id":"1","user":"42"}', Error, "1"),
    (b'{"action":"ping","id":"1","stream":true}', Error, "1"),
    (b'{"action":"resume","id":"1"}', Failure, "1"),
]


@both_dialects
@pytest.mark.parametrize(("payload", "form", "request_id"), BAD_MESSAGES)
async def test_a_bad_message_is_answered_in_its_form_and_the_connection_lives(
    dialect: PayloadDialect, payload: bytes, form: type[Event], request_id: object
) -> None:
    async with open_house() as house:
        client = house.connect(dialect)
        client.send(payload)
        answer = await client.read()
        assert isinstance(answer, form)
        assert isinstance(answer, Error | Failure)
        assert answer.id == request_id
        assert answer.code in (Code.BAD_MESSAGE, Code.UNKNOWN_ACTION)
        await check_lives(house, client)


async def check_lives(house: House, client: Client) -> None:
    client.chat("next")
    (await house.next_call()).finish()
    (end,) = await client.read_ends()
    assert getattr(end, "id", None) == "next"


async def test_a_bad_message_with_the_id_of_a_running_request_does_not_end_it() -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat("1", stream=True)
        await client.read_start()
        call = await house.next_call()
        client.ask("chat", id="1", contnt="typo", stream=True)
        refusal = await client.read()
        assert isinstance(refusal, Error)
        assert refusal.code == Code.BAD_MESSAGE
        call.finish()
        assert isinstance(await client.read(), Done)
