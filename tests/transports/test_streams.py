import socket
from collections.abc import Iterator

import anyio
import anyio.lowlevel
import pytest

from sidecar.session import PeerGone
from sidecar.transports.streams import RECEIVE_BYTES, SocketStream
from tests.transports.sockets import reset, tcp_pair, unix_pair

pytestmark = pytest.mark.anyio

Pair = tuple[SocketStream, socket.socket]

# More than the kernel takes without a reader, on loopback too.
MUCH = bytes(range(256)) * 32 * 1024


@pytest.fixture(params=[unix_pair, tcp_pair], ids=["unix", "tcp"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """A stream and the socket at its other end."""
    with request.param() as (ours, theirs):
        yield SocketStream(ours), theirs


@pytest.fixture
def tcp() -> Iterator[Pair]:
    with tcp_pair() as (ours, theirs):
        yield SocketStream(ours), theirs


@pytest.fixture
def unix() -> Iterator[Pair]:
    with unix_pair() as (ours, theirs):
        yield SocketStream(ours), theirs


async def fill(stream: SocketStream) -> None:
    """Send until nothing more can be sent, also once TCP has moved what it took to the other side."""
    times_full = 0
    while times_full < 10:
        times_full = 0 if stream.send_now(MUCH) else times_full + 1
        await anyio.sleep(0.005)


async def test_receive_gives_what_has_come(pair: Pair) -> None:
    stream, peer = pair
    peer.sendall(b"Hello")
    with anyio.fail_after(5):
        assert await stream.receive() == b"Hello"


async def test_receive_waits(pair: Pair) -> None:
    stream, peer = pair
    received = []

    async def receive() -> None:
        received.append(await stream.receive())

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(receive)
            await anyio.wait_all_tasks_blocked()
            assert received == []
            peer.sendall(b"Hello")
    assert received == [b"Hello"]


async def test_receive_gives_64_kib_at_most(pair: Pair) -> None:
    stream, peer = pair
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: anyio.to_thread.run_sync(peer.sendall, MUCH))
            received = bytearray()
            while len(received) < len(MUCH):
                chunk = await stream.receive()
                assert 0 < len(chunk) <= RECEIVE_BYTES
                received += chunk
    assert received == MUCH


async def test_receive_gives_nothing_at_the_end_again_and_again(pair: Pair) -> None:
    stream, peer = pair
    peer.shutdown(socket.SHUT_WR)
    with anyio.fail_after(5):
        assert await stream.receive() == b""
        assert await stream.receive() == b""


async def test_a_cancelled_receive_loses_nothing(pair: Pair) -> None:
    stream, peer = pair
    peer.sendall(b"Hello")
    with anyio.CancelScope() as scope:
        scope.cancel()
        await stream.receive()
    assert scope.cancelled_caught
    with anyio.fail_after(5):
        assert await stream.receive() == b"Hello"


async def test_a_peer_that_never_pauses_lets_others_have_their_turn(pair: Pair) -> None:
    stream, peer = pair
    peer.sendall(bytes(RECEIVE_BYTES))
    turns = []

    async def take_turns() -> None:
        while True:
            turns.append(1)
            await anyio.lowlevel.checkpoint()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(take_turns)
            for _ in range(10):
                peer.sendall(b"x")
                await stream.receive()
            tasks.cancel_scope.cancel()
    assert len(turns) >= 5


async def test_send_now_sends_what_there_is_room_for(pair: Pair) -> None:
    stream, _ = pair
    sent = stream.send_now(MUCH)
    assert 0 < sent < len(MUCH)
    await fill(stream)
    assert stream.send_now(b"x") == 0


async def test_send_some_waits_for_room_and_what_is_sent_in_parts_comes_whole(pair: Pair) -> None:
    stream, peer = pair
    received = bytearray()

    async def read() -> None:
        nonlocal received
        while len(received) < len(MUCH):
            received += await anyio.to_thread.run_sync(peer.recv, 1 << 20)

    rest = memoryview(MUCH)[stream.send_now(MUCH) :]
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            while rest:
                rest = rest[await stream.send_some(rest) :]
    assert received == MUCH


async def test_a_reset_is_the_end_of_everything(tcp: Pair) -> None:
    stream, peer = tcp
    reset(peer)
    with anyio.fail_after(5):
        with pytest.raises(PeerGone):
            await stream.receive()
        with pytest.raises(PeerGone):
            stream.send_now(b"Hello")
        with pytest.raises(PeerGone):
            await stream.send_some(b"Hello")
    stream.close_sending()


async def test_a_unix_peer_that_leaves_things_unread_is_gone(unix: Pair) -> None:
    stream, peer = unix
    stream.send_now(b"Hello")
    peer.close()
    with anyio.fail_after(5), pytest.raises(PeerGone):
        await stream.receive()
    with pytest.raises(PeerGone):
        stream.send_now(b"Hello")


@pytest.mark.parametrize("waits_to", ["receive", "send"])
async def test_a_reset_wakes_who_waits(tcp: Pair, waits_to: str) -> None:
    stream, peer = tcp
    await fill(stream)

    async def wait() -> None:
        with pytest.raises(PeerGone):
            await (stream.receive() if waits_to == "receive" else stream.send_some(b"x"))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            reset(peer)


@pytest.mark.parametrize("waits_to", ["receive", "send"])
async def test_close_wakes_who_waits(pair: Pair, waits_to: str) -> None:
    stream, _ = pair
    await fill(stream)

    async def wait() -> None:
        with pytest.raises(PeerGone):
            await (stream.receive() if waits_to == "receive" else stream.send_some(b"x"))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            stream.close()


async def test_after_close_everything_raises_and_closing_again_does_nothing(pair: Pair) -> None:
    stream, _ = pair
    stream.close()
    stream.close()
    stream.close_sending()
    with anyio.fail_after(5):
        with pytest.raises(PeerGone):
            await stream.receive()
        with pytest.raises(PeerGone):
            await stream.send_some(b"Hello")
    with pytest.raises(PeerGone):
        stream.send_now(b"Hello")


async def test_close_sending_leaves_receiving(pair: Pair) -> None:
    stream, peer = pair
    stream.close_sending()
    assert peer.recv(1) == b""
    peer.sendall(b"Hello")
    with anyio.fail_after(5):
        assert await stream.receive() == b"Hello"


async def test_a_peer_that_has_only_stopped_to_send_is_not_gone(pair: Pair) -> None:
    stream, peer = pair
    assert not stream.is_gone()
    peer.shutdown(socket.SHUT_WR)
    with anyio.fail_after(5):
        assert await stream.receive() == b""
    assert not stream.is_gone()
    stream.send_now(b"Hello")
    assert peer.recv(10) == b"Hello"


async def test_a_unix_peer_that_has_closed_is_gone(unix: Pair) -> None:
    stream, peer = unix
    peer.close()
    assert stream.is_gone()


async def test_a_tcp_peer_that_has_reset_is_gone(tcp: Pair) -> None:
    stream, peer = tcp
    reset(peer)
    with anyio.fail_after(5):
        while not stream.is_gone():
            await anyio.lowlevel.checkpoint()
