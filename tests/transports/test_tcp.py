import errno
import os
import socket

import pytest

from sidecar.transports import tcp
from sidecar.transports.failures import AddressInUse, ListenFailed, NotPermitted
from tests.transports.sockets import reset, tcp_pair


def test_it_listens_on_a_free_port_without_blocking() -> None:
    with tcp.listen("127.0.0.1", 0) as listener:
        assert not listener.getblocking()
        host, port = listener.getsockname()
        with socket.create_connection((host, port), 5):
            connection, _ = listener.accept()
        with connection:
            # What is sent and not read piles up in the log of its reply, and not in the kernel: Linux doubles the size.
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 512 * 1024
    assert host == "127.0.0.1"


def test_a_port_of_a_listener_that_has_just_ended_is_free() -> None:
    """What has been connected to it lingers on in the kernel for a minute."""
    with tcp.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), 5):
            connection, _ = listener.accept()
            connection.close()
    with tcp.listen("127.0.0.1", port) as again:
        assert again.getsockname()[1] == port


@pytest.mark.parametrize("reuses", [True, False])
def test_a_port_in_use_is_named(reuses: bool) -> None:
    """Even where its owner would share it: two on one port lose connections when one of them ends."""
    with socket.socket() as other:
        if reuses:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(AddressInUse, match=rf"TCP 127\.0\.0\.1:{port} is in use .* SIDECAR_TCP") as caught:
            tcp.listen("127.0.0.1", port)
    assert caught.value.exit_status == 69


def test_an_address_that_is_not_here_is_named() -> None:
    with pytest.raises(ListenFailed, match=r"TCP 192\.0\.2\.1:0 \(SIDECAR_TCP\)") as caught:
        tcp.listen("192.0.2.1", 0)
    assert caught.value.exit_status == 69


class _NewSocket:
    """In the place of socket.socket: fails as it is told."""

    def __init__(self, number: int, *, where: str) -> None:
        self._error = OSError(number, os.strerror(number))
        self._where = where
        self.closed = False

    def __call__(self, *_: object) -> "_NewSocket":
        if self._where == "socket":
            raise self._error
        return self

    def setsockopt(self, *_: object) -> None: ...

    def bind(self, _: object) -> None:
        raise self._error

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_port_without_the_right_to_it_says_so(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Root may take any, so that only a fake can refuse everywhere."""
    fake = _NewSocket(number, where="bind")
    monkeypatch.setattr(socket, "socket", fake)
    with pytest.raises(NotPermitted, match=r"TCP 127\.0\.0\.1:80: ports below 1024") as caught:
        tcp.listen("127.0.0.1", 80)
    assert caught.value.exit_status == 77
    assert fake.closed


def test_a_kernel_without_ipv6_is_no_bug_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", _NewSocket(errno.EAFNOSUPPORT, where="socket"))
    with pytest.raises(ListenFailed, match=r"TCP \[::1\]:8081 \(SIDECAR_TCP\): Address family not supported"):
        tcp.listen("::1", 8081)


def test_prepare_names_the_peer_and_sends_each_token_at_once() -> None:
    with tcp_pair() as (ours, peer):
        host, port = peer.getsockname()
        assert tcp.prepare(ours) == f"{host}:{port}"
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_client_may_call_us_by_our_address_and_by_the_names_of_this_machine() -> None:
    with tcp_pair() as (ours, _):
        host, port = ours.getsockname()
        assert tcp.hosts(ours) == {f"{name}:{port}" for name in (host, "127.0.0.1", "localhost", "[::1]")}
        ours.close()
        assert tcp.hosts(ours) == frozenset()


@pytest.mark.parametrize(("address", "names"), [("127.0.0.2", {"127.0.0.2"}), ("::1", set())])
def test_on_port_80_the_port_may_be_left_out(address: str, names: set[str]) -> None:
    class Bound:
        def getsockname(self) -> tuple[str, int]:
            return address, 80

    names |= {"127.0.0.1", "localhost", "[::1]"}
    assert tcp.hosts(Bound()) == names | {f"{name}:80" for name in names}  # type: ignore[arg-type]


def test_prepare_says_that_the_peer_has_gone() -> None:
    with tcp_pair() as (ours, peer):
        reset(peer)
        assert tcp.prepare(ours) == "gone"
