"""One line for each request: what it was, how it ended, how long it took; never what a person wrote or read."""

import logging
import re

import pytest

from sidecar.dialects import FRAMES, LINES
from tests.session.house import Client, House, open_house, settle

pytestmark = pytest.mark.anyio

CANARY = "canary-0123456789"


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "sidecar")


def outcomes(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the lines of requests, without their times."""
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    lines = [message for message in told if message.startswith("request ")]
    assert all(re.fullmatch(r"request .* ms=\d+\.\d first_ms=(-|\d+\.\d)", line) for line in lines)
    assert CANARY not in caplog.text
    return [re.sub(r"ms=\d+\.\d", "ms=0", line).removeprefix("request ") for line in lines]


async def begin(house: House, client: Client, *, stream: bool = True) -> None:
    client.chat("1", CANARY, stream=stream)
    call = await house.next_call()
    call.say(CANARY)
    await settle()


async def test_a_good_end(caplog: pytest.LogCaptureFixture) -> None:
    async with open_house() as house:
        client = house.connect()
        await begin(house, client)
        house.provider.calls[0].finish()
        await client.read_ends()
        await settle()
        assert outcomes(caplog) == ["done action=chat id=1 ms=0 first_ms=0"]


async def test_a_cancelled_plain_request(caplog: pytest.LogCaptureFixture) -> None:
    async with open_house() as house:
        client = house.connect()
        await begin(house, client, stream=False)
        client.ask("cancel", id="1")
        await client.read_ends()
        await settle()
        assert outcomes(caplog) == ["cancelled action=chat id=1 ms=0 first_ms=-"]


async def test_a_refused_request_without_id(caplog: pytest.LogCaptureFixture) -> None:
    async with open_house() as house:
        client = house.connect()
        client.ask("summarize", content=CANARY, history=[{"role": "user", "content": CANARY}])
        await client.read_ends()
        await settle()
        assert outcomes(caplog) == ["invalid_parameter action=summarize id=- ms=0 first_ms=-"]


async def test_a_bug(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_house() as house:
        client = house.connect()
        monkeypatch.setattr("sidecar.actions.new_marker", lambda: 1 / 0)
        client.chat("1", CANARY)
        await client.read_ends()
        await settle()
        assert outcomes(caplog) == ["internal action=chat id=1 ms=0 first_ms=-"]
        assert house.bugs.take() == ["request failed action=chat id=1"]


async def test_a_client_that_leaves(caplog: pytest.LogCaptureFixture) -> None:
    async with open_house() as house:
        client = house.connect()
        await begin(house, client)
        client.stream.leave()
        await client.ended()
        assert outcomes(caplog) == ["unread action=chat id=1 ms=0 first_ms=0"]


async def test_a_client_that_hands_its_reply_over_and_leaves(caplog: pytest.LogCaptureFixture) -> None:
    async with open_house() as house:
        client = house.connect()
        client.ask("chat", id="1", content="Hi", stream=True, detach=True)
        call = await house.next_call()
        client.stream.leave()
        await client.ended()
        assert outcomes(caplog) == ["left action=chat id=1 ms=0 first_ms=-"]
        call.finish()


@pytest.mark.parametrize("dialect", [FRAMES, LINES], ids=lambda dialect: dialect.name)
async def test_bad_messages_and_refusals_are_not_quoted(caplog: pytest.LogCaptureFixture, dialect: object) -> None:
    async with open_house(max_payload_bytes=1000) as house:
        client = house.connect(FRAMES if dialect is FRAMES else LINES)
        client.ask("chat", id="1", content=CANARY, **{CANARY: CANARY})
        client.send(CANARY.encode())
        client.send(CANARY.encode() * 100)
        await client.read_all()
        client.stream.end()
        await client.ended()
        assert CANARY not in caplog.text
        assert any(message.startswith("session refused peer=test code=too_large") for message in caplog.messages)
