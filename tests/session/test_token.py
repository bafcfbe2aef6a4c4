"""The token of a TCP connection. SPEC.md, 8.2."""

import anyio
import pytest
from msgspec import UNSET

from protocol.errors import Code
from protocol.messages import Done, Error, Failure
from sidecar.dialects import FRAMES, LINES, PayloadDialect
from sidecar.secret import Secret
from sidecar.session import ByteBudget, Peer
from tests.session.house import Client, House, open_house, settle

pytestmark = pytest.mark.anyio

TOKEN = "canary-0123456789"

both_dialects = pytest.mark.parametrize("dialect", [FRAMES, LINES], ids=lambda dialect: dialect.name)


class Stranger:
    """A peer that has to show the token, and how often it was let in."""

    def __init__(self) -> None:
        self.times_authorized = 0
        self.peer = Peer(name="test", token=Secret(TOKEN), on_authorized=self._count)

    def _count(self) -> None:
        self.times_authorized += 1


def connect(house: House, dialect: PayloadDialect = FRAMES) -> tuple[Client, Stranger]:
    stranger = Stranger()
    return house.connect(dialect, peer=stranger.peer), stranger


async def check_unauthorized(client: Client, stranger: Stranger, request_id: object, *, form: type) -> None:
    asked = anyio.current_time()
    [last] = await client.read_all()
    assert anyio.current_time() - asked >= 0.09, "a wrong guess costs a tenth of a second"
    assert isinstance(last, form)
    assert isinstance(last, Error | Failure)
    assert (last.id, last.code) == (request_id, Code.UNAUTHORIZED)
    assert stranger.times_authorized == 0
    client.stream.end()
    await client.ended()


@pytest.mark.parametrize(
    ("dialect", "stream", "fields"),
    [
        (FRAMES, True, {}),
        (FRAMES, False, {"token": "wrong"}),
        (LINES, True, {"token": ""}),
        (LINES, False, {"token": None}),
    ],
)
async def test_a_first_message_without_the_right_token_is_refused_in_its_own_form(
    dialect: PayloadDialect, stream: bool, fields: dict[str, str | None]
) -> None:
    async with open_house() as house:
        client, stranger = connect(house, dialect)
        client.ask("chat", id="1", content="Hi", stream=stream, **fields)
        client.chat("2", token=TOKEN)
        await check_unauthorized(client, stranger, "1", form=Error if stream else Failure)
        assert house.provider.calls == []


@both_dialects
async def test_after_the_right_token_none_is_asked_for(dialect: PayloadDialect) -> None:
    async with open_house() as house:
        client, stranger = connect(house, dialect)
        client.chat("1", token=TOKEN)
        (await house.next_call()).finish()
        await client.read_ends()
        for number, fields in enumerate(({}, {"token": "wrong"}), 2):
            client.chat(f"{number}", **fields)
            (await house.next_call()).finish()
            (end,) = await client.read_ends()
            assert getattr(end, "success", None) is True
        assert stranger.times_authorized == 1


@both_dialects
async def test_a_message_that_is_not_understood_is_answered_where_its_token_is_right(dialect: PayloadDialect) -> None:
    async with open_house() as house:
        client, stranger = connect(house, dialect)
        client.ask("chat", id="1", contnt="typo", token=TOKEN)
        answer = await client.read()
        assert isinstance(answer, Failure)
        assert (answer.id, answer.code) == ("1", Code.BAD_MESSAGE)
        assert stranger.times_authorized == 1
        client.ask("ping", id="2")
        assert isinstance(await client.read(), Done)


@pytest.mark.parametrize("token", ["wrong", 1])
async def test_a_message_that_is_not_understood_does_not_replace_the_token(token: object) -> None:
    async with open_house() as house:
        client, stranger = connect(house)
        client.ask("fly", id="1", stream=True, token=token)
        await check_unauthorized(client, stranger, "1", form=Error)


@both_dialects
async def test_what_is_no_json_does_not_replace_the_token(dialect: PayloadDialect) -> None:
    async with open_house() as house:
        client, stranger = connect(house, dialect)
        client.send(b"nonsense")
        await check_unauthorized(client, stranger, UNSET, form=Failure)


async def test_a_control_needs_the_token_too() -> None:
    async with open_house() as house:
        client, stranger = connect(house)
        client.ask("ping", id="p")
        await check_unauthorized(client, stranger, "p", form=Error)


async def test_where_no_token_is_asked_for_it_is_ignored() -> None:
    async with open_house() as house:
        client = house.connect()
        client.ask("ping", id="p", token="whatever")
        assert isinstance(await client.read(), Done)


async def test_strangers_share_a_small_budget_until_they_are_known() -> None:
    strangers = ByteBudget(200)
    async with open_house(unfinished_of_strangers=strangers) as house:
        client, _ = connect(house)
        client.stream.deliver(b"\0\0\1\0" + b"x" * 96)
        await settle()
        assert (strangers.used_bytes, house.limits.unfinished.used_bytes) == (100, 0)
        other, _ = connect(house)
        other.stream.deliver(b"\0\0\1\0" + b"x" * 97)
        [last] = await other.read_all()
        assert isinstance(last, Error)
        assert (last.id, last.code) == (None, Code.OVERLOADED)
        third, _ = connect(house)
        third.chat("1", token=TOKEN)
        await house.next_call()
        await settle()
        assert strangers.used_bytes == 100
        assert house.limits.unfinished.used_bytes > 50


async def test_what_else_has_come_with_the_token_moves_to_the_budget_of_all() -> None:
    async with open_house() as house:
        client, _ = connect(house)
        first = FRAMES.wrap(b'{"action":"chat","id":"1","content":"Hi","token":"%s"}' % TOKEN.encode())
        client.stream.deliver(first + b"\0\0\1\0half")
        await house.next_call()
        await settle()
        assert house.limits.unfinished_of_strangers.used_bytes == 0
        assert house.limits.unfinished.used_bytes == len(first) + 8
