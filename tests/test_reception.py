import os
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import anyio
import pytest
from msgspec.structs import replace

from sidecar.connections import Connections
from sidecar.errors import Forbidden
from sidecar.reception import Reception
from sidecar.secret import Secret
from sidecar.session import ByteStream, Peer
from sidecar.settings import Limits, load_settings
from sidecar.transports.credentials import Admission, Credentials

pytestmark = pytest.mark.anyio

TOKEN = Secret("token")


class Guests(Connections):
    """Keeps everybody until the test lets go."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self._leave: list[anyio.Event] = []

    async def serve(self, stream: ByteStream, peer: Peer) -> None:
        self.peers.append(peer)
        self._leave.append(anyio.Event())
        await self._leave[-1].wait()

    def let_go(self) -> None:
        """The last one who came."""
        self.peers.pop()
        self._leave.pop().set()


class Stern(Admission):
    async def check(self, peer: Credentials) -> Forbidden | None:
        return Forbidden("No.")


@pytest.fixture
def limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Limits:
    monkeypatch.chdir(tmp_path)
    return replace(load_settings().limits, max_connections=3, max_unauthorized_connections=2)


class Street:
    """Where clients come from; those of TCP know that they need a token, or that they need none."""

    def __init__(self, reception: Reception, stack: ExitStack) -> None:
        self._reception = reception
        self._stack = stack

    def come_by_unix(self, admission: Admission | None = None) -> socket.socket:
        ours, theirs = socket.socketpair()
        self._stack.enter_context(theirs)
        self._reception.welcome_unix(ours, admission=admission or Admission(uids=None, gid=0))
        return theirs

    def come_by_web(self, admission: Admission | None = None) -> socket.socket:
        ours, theirs = socket.socketpair()
        self._stack.enter_context(theirs)
        self._reception.welcome_web(ours, admission=admission or Admission(uids=None, gid=0))
        return theirs

    def come_by_tcp(self, token: Secret | None = TOKEN) -> socket.socket:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            theirs = self._stack.enter_context(socket.create_connection(listener.getsockname()))
            ours, _ = listener.accept()
        self._reception.welcome_tcp(ours, token=token)
        return theirs


def is_refused(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return b'"overloaded"' in client.recv(1000)
    except BlockingIOError:
        return False


async def test_so_many_may_be_open_at_once_and_no_more(limits: Limits) -> None:
    async with receiving(limits) as (street, guests):
        clients = [street.come_by_unix(), street.come_by_tcp(), street.come_by_tcp(None)]
        assert is_refused(street.come_by_unix())
        assert is_refused(street.come_by_tcp(None))
        assert not any(map(is_refused, clients))
        await anyio.wait_all_tasks_blocked()
        assert sorted(peer.name.split()[0] for peer in guests.peers) == ["tcp", "tcp", "unix"]


async def test_who_has_left_makes_room(limits: Limits) -> None:
    async with receiving(limits) as (street, guests):
        for come in (street.come_by_unix, street.come_by_tcp, street.come_by_unix):
            come()
        for come in (street.come_by_unix, street.come_by_tcp):
            await anyio.wait_all_tasks_blocked()
            guests.let_go()
            await anyio.wait_all_tasks_blocked()
            assert not is_refused(come())
            assert is_refused(street.come_by_unix())


async def test_of_those_without_a_token_there_are_few(limits: Limits) -> None:
    async with receiving(limits) as (street, guests):
        street.come_by_tcp()
        street.come_by_tcp()
        assert is_refused(street.come_by_tcp())
        await anyio.wait_all_tasks_blocked()
        guests.peers[0].on_authorized()
        guests.peers[0].on_authorized()  # counts once
        assert not is_refused(street.come_by_tcp())
        assert is_refused(street.come_by_tcp())


async def test_who_needs_no_token_is_no_stranger(limits: Limits) -> None:
    async with receiving(limits) as (street, _):
        assert not any(is_refused(street.come_by_tcp(None)) for _ in range(3))


async def test_the_peer_is_what_the_transport_knows_of_it(limits: Limits) -> None:
    async with receiving(limits) as (street, guests):
        street.come_by_unix()
        client = street.come_by_tcp()
        await anyio.wait_all_tasks_blocked()
        tcp, unix = sorted(guests.peers, key=lambda peer: peer.name)
        host, port = client.getsockname()
    assert (tcp.name, tcp.token, tcp.first_byte_seconds) == (f"tcp {host}:{port}", TOKEN, limits.first_byte_seconds)
    assert unix.name == f"unix uid={os.geteuid()} pid={os.getpid()}"
    assert (unix.token, unix.refusal) == (None, None)
    assert unix.first_byte_seconds == limits.socket_first_byte_seconds


async def test_the_web_server_is_known_as_such_and_counts_like_others(limits: Limits) -> None:
    async with receiving(limits) as (street, guests):
        clients = [street.come_by_web() for _ in range(3)]
        assert is_refused(street.come_by_web())
        assert is_refused(street.come_by_unix())
        assert not any(map(is_refused, clients))
        await anyio.wait_all_tasks_blocked()
        assert {peer.name for peer in guests.peers} == {f"web uid={os.geteuid()} pid={os.getpid()}"}
        assert all(peer.is_web_server for peer in guests.peers)
        assert {peer.first_byte_seconds for peer in guests.peers} == {limits.first_byte_seconds}


async def test_who_is_not_admitted_at_the_web_servers_socket_is_no_more_than_the_web_server(limits: Limits) -> None:
    async with receiving(limits) as (street, guests):
        street.come_by_web(Stern(uids=None, gid=0))
        await anyio.wait_all_tasks_blocked()
        [peer] = guests.peers
        assert peer.is_web_server
        assert str(peer.refusal) == "No."


async def test_who_is_not_admitted_hears_it_from_the_session(limits: Limits, caplog: pytest.LogCaptureFixture) -> None:
    """The answer has to be in the dialect that he speaks, and nothing is known of that yet."""
    async with receiving(limits) as (street, guests):
        street.come_by_unix(Stern(uids=None, gid=0))
        await anyio.wait_all_tasks_blocked()
        [peer] = guests.peers
        assert str(peer.refusal) == "No."
        assert [record.getMessage() for record in caplog.records] == [f"{peer.name} No."]


@asynccontextmanager
async def receiving(limits: Limits) -> AsyncIterator[tuple[Street, Guests]]:
    guests = Guests()
    with anyio.fail_after(5), ExitStack() as stack:
        async with anyio.create_task_group() as tasks:
            yield Street(Reception(guests, tasks, limits=limits), stack), guests
            tasks.cancel_scope.cancel()


async def test_those_who_may_not_are_few_and_do_not_crowd_the_others_out(limits: Limits) -> None:
    class Curious(Connections):
        def __init__(self) -> None:
            self.refusals: list[object] = []

        async def serve(self, stream: ByteStream, peer: Peer) -> None:
            self.refusals.append((peer.refusal and str(peer.refusal), peer.first_byte_seconds))
            await anyio.sleep_forever()

    connections = Curious()
    with ExitStack() as stack:
        async with anyio.create_task_group() as tasks:
            street = Street(Reception(connections, tasks, limits=limits), stack)
            for _ in range(3):
                street.come_by_unix(Stern(uids=None, gid=0))
                await anyio.wait_all_tasks_blocked()
            assert connections.refusals == [("No.", limits.first_byte_seconds)] * 2
            street.come_by_unix()
            await anyio.wait_all_tasks_blocked()
            assert connections.refusals[2:] == [(None, limits.socket_first_byte_seconds)]
            tasks.cancel_scope.cancel()


async def test_what_fails_before_a_connection_is_served_ends_no_other(
    limits: Limits, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Admission):
        async def check(self, peer: Credentials) -> Forbidden | None:
            raise OSError("no directory of users")

    guests = Guests()
    with ExitStack() as stack:
        async with anyio.create_task_group() as tasks:
            street = Street(Reception(guests, tasks, limits=limits), stack)
            street.come_by_unix(Broken(uids=None, gid=0))
            await anyio.wait_all_tasks_blocked()
            street.come_by_unix()
            await anyio.wait_all_tasks_blocked()
            assert len(guests.peers) == 1
            guests.let_go()
    assert "connection failed before it was served" in caplog.text
