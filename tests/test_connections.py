import anyio
import pytest

from protocol.codec import decode_request
from protocol.errors import Code
from protocol.messages import Done, Error, Failure, Request
from sidecar.dialects import FRAMES, LINES, PayloadDialect
from sidecar.errors import Forbidden
from sidecar.session import Peer
from tests.protocol.vectors import DetectVector, cases
from tests.session.house import Client, House, in_virtual_time, open_house, settle

pytestmark = pytest.mark.anyio

CHILD = Peer(name="stdio", is_private=True)
PING = b'{"action":"ping","id":"p"}'

both_dialects = pytest.mark.parametrize("dialect", [FRAMES, LINES], ids=lambda dialect: dialect.name)


def first_bytes(vector: DetectVector) -> list[bytes]:
    first, last = (int(digits, 16) for digits in vector.first)
    return [bytes([byte]) for byte in range(first, last + 1)]


async def check_pong(client: Client) -> None:
    assert isinstance(await client.read(), Done)
    client.stream.end()
    assert await client.read_all() == []
    await client.ended()


async def check_bystander(house: House) -> None:
    """A new connection is served."""
    client = house.welcome()
    client.send(PING)
    await check_pong(client)


@cases(DetectVector, "detect.json")
async def test_on_a_socket_the_first_byte_decides(vector: DetectVector) -> None:
    async with open_house() as house:
        for first in first_bytes(vector):
            client = house.welcome(LINES if vector.socket in ("lines", "skip") else FRAMES)
            match vector.socket:
                case "frames":
                    client.send(PING)
                    await check_pong(client)
                case "lines":
                    client.send(PING)
                    await check_pong(client)
                case "skip":
                    client.stream.deliver(first)
                    client.stream.deliver(first * 3)
                    client.send(PING)
                    await check_pong(client)
                case "http":
                    client.stream.deliver(first)
                    client.stream.deliver(b"SH-2.0-OpenSSH_9.2\r\n")
                    await client.finished()
                    assert client.stream.arrived.startswith(b"HTTP/1.1 400 Bad Request\r\n")
                    client.stream.end()
                    await client.ended()
                case "close":
                    client.stream.deliver(first)
                    await client.ended()
                    assert client.stream.arrived == b""


@cases(DetectVector, "detect.json")
async def test_on_stdio_all_but_frames_are_lines(vector: DetectVector) -> None:
    async with open_house() as house:
        for first in first_bytes(vector):
            client = house.welcome(LINES if vector.stdio == "lines" else FRAMES, peer=CHILD)
            if vector.stdio == "frames":
                client.send(PING)
            elif vector.socket in ("lines", "skip"):
                client.stream.deliver(first.strip(b"{"))
                client.send(PING)
            else:
                client.stream.deliver(first + b"...\n" + PING)
                client.stream.end()
                bad, pong = await client.read_all()
                assert isinstance(bad, Failure)
                assert bad.code == Code.BAD_MESSAGE
                assert isinstance(pong, Done)
                continue
            await check_pong(client)


async def test_on_stdio_white_space_is_of_a_line_whatever_follows() -> None:
    async with open_house() as house:
        client = house.welcome(LINES, peer=CHILD)
        client.stream.deliver(b"\n")
        client.stream.deliver(b"\0\0\0\2{}\n")
        client.stream.end()
        [answer] = await client.read_all()
        assert isinstance(answer, Failure)
        assert answer.code == Code.BAD_MESSAGE


@pytest.mark.parametrize("sent", [b"", b" \r\n\t"])
async def test_a_peer_that_says_nothing_in_time_is_closed_without_a_word(sent: bytes) -> None:
    async with open_house() as house:
        client = house.welcome(peer=Peer(name="test", first_byte_seconds=0.02))
        if sent:
            client.stream.deliver(sent)
        await client.ended()
        assert client.stream.arrived == b""


@in_virtual_time
async def test_how_long_the_first_byte_may_take_is_up_to_the_transport() -> None:
    async with open_house() as house:
        tcp = house.welcome(peer=Peer(name="tcp", first_byte_seconds=5.0))
        unix = house.welcome(peer=Peer(name="unix", first_byte_seconds=60.0))
        child = house.welcome(peer=CHILD)
        for client, seconds in ((tcp, 4.99), (unix, 59.99 - 5.01)):
            await anyio.sleep(seconds)
            assert not client.has_ended()
            await anyio.sleep(0.02)
            assert client.has_ended()
        await anyio.sleep(10_000)
        child.send(PING)
        await check_pong(child)


async def test_a_peer_that_leaves_without_a_word_is_let_go() -> None:
    async with open_house() as house:
        for how in ("end", "leave", "reset"):
            client = house.welcome()
            await settle()
            getattr(client.stream, how)()
            await client.ended()
        await check_bystander(house)


@both_dialects
async def test_after_the_first_byte_no_time_is_set_by_it(dialect: PayloadDialect) -> None:
    async with open_house() as house:
        client = house.welcome(dialect, peer=Peer(name="test", first_byte_seconds=0.02))
        client.chat("1")
        call = await house.next_call()
        await anyio.sleep(0.04)  # no wait for anything: a deadline must pass
        call.finish()
        await client.read()


async def test_an_http_client_that_resets_harms_nobody() -> None:
    async with open_house() as house:
        client = house.welcome(room=0)
        client.stream.deliver(b"GET / HTTP/1.1\r\n\r\n")
        await settle()
        client.stream.reset()
        await client.ended()
        await check_bystander(house)


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\3\1", b"*1\r\n"])
async def test_whoever_may_not_connect_is_told_only_in_a_dialect_of_ours(first: bytes) -> None:
    async with open_house() as house:
        refused = Peer(name="test", refusal=Forbidden("Not you."))
        client = house.welcome(peer=refused)
        client.stream.deliver(first)
        client.stream.end()
        await client.ended()
        assert client.stream.arrived == b"" or client.stream.arrived.startswith(b"HTTP/1.1 403 Forbidden\r\n")
        client = house.welcome(peer=refused)
        client.send(PING)
        [refusal] = await client.read_all()
        assert isinstance(refusal, Error)
        assert refusal.code == Code.FORBIDDEN


@both_dialects
async def test_a_peer_that_breaks_in_the_middle_harms_nobody(dialect: PayloadDialect) -> None:
    async with open_house() as house:
        good, bad = house.welcome(), house.welcome(dialect)
        for client in (good, bad):
            client.chat("1", stream=True)
            await client.read_start()
        calls = [await house.next_call() for _ in range(2)]
        bad.stream.reset()
        await bad.ended()
        for call in calls:
            call.say("text")
            call.finish()
        (end,) = await good.read_ends()
        assert isinstance(end, Done)
        await check_bystander(house)


async def test_a_bug_in_one_session_ends_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(payload: bytes) -> Request:
        if b"trigger" in payload:
            raise ZeroDivisionError("canary")
        return decode_request(payload)

    monkeypatch.setattr("protocol.codec.decode_request", fail)
    async with open_house() as house:
        good, bad = house.welcome(), house.welcome()
        for client in (good, bad):
            client.chat("1", stream=True)
            await client.read_start()
        bad.send(b"trigger")
        await bad.ended()
        assert house.bugs.take() == ["connection failed peer=test"]
        for _ in range(2):
            (await house.next_call()).finish()
        (end,) = await good.read_ends()
        assert isinstance(end, Done)
        await check_bystander(house)


async def test_connections_are_idle_when_every_request_is_answered_and_every_answer_sent() -> None:
    async with open_house() as house:

        def is_idle() -> bool:
            return house.connections.is_idle

        client = house.welcome(room=0)
        await settle()
        assert is_idle()
        client.chat("1")
        call = await house.next_call()
        assert not is_idle()
        call.finish()
        await call.left()
        await settle()
        assert not is_idle()
        client.stream.take(10_000)
        await client.read()
        await settle()
        assert is_idle()


async def test_a_broken_connection_is_idle_whatever_it_owed() -> None:
    async with open_house() as house:
        client = house.welcome(room=0)
        client.chat("1")
        call = await house.next_call()
        call.finish()
        await call.left()
        await settle()
        client.stream.reset()
        await client.ended()
        assert house.connections.is_idle
