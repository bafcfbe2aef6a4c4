import socket
from contextlib import suppress

import pytest

from sidecar.transports.refusing import refuse
from tests.transports.sockets import reset, tcp_pair, unix_pair


def answer(first: int | None) -> bytes:
    return f"no room, {first}".encode()


@pytest.mark.parametrize("new_pair", [unix_pair, tcp_pair])
@pytest.mark.parametrize(
    ("sent", "told"), [(b"", b"no room, None"), (b"{...", b"no room, 123"), (b"\0", b"no room, 0")]
)
def test_the_answer_fits_what_has_come(new_pair: type, sent: bytes, told: bytes) -> None:
    with new_pair() as (ours, peer):
        peer.sendall(sent)
        refuse(ours, answer)
        assert peer.recv(100) == told
        assert peer.recv(100) == b""
        assert ours.fileno() < 0


@pytest.mark.parametrize("new_pair", [unix_pair, tcp_pair])
def test_a_long_request_does_not_reset_the_answer_away(new_pair: type) -> None:
    with new_pair() as (ours, peer):
        peer.sendall(bytes(64 * 1024))
        refuse(ours, answer)
        assert peer.recv(100) == b"no room, 0"


def test_who_has_gone_is_refused_without_a_word() -> None:
    with tcp_pair() as (ours, peer):
        reset(peer)
        refuse(ours, answer)
        assert ours.fileno() < 0


def test_who_has_no_more_to_say_is_told() -> None:
    with unix_pair() as (ours, peer):
        peer.shutdown(socket.SHUT_WR)
        refuse(ours, answer)
        assert peer.recv(100) == b"no room, None"


def test_who_does_not_read_is_not_waited_for() -> None:
    with unix_pair() as (ours, peer):
        ours.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                ours.send(bytes(4096))
        refuse(ours, answer)
        assert ours.fileno() < 0
        assert peer.fileno() >= 0
