"""What a parent may hand over, and how it is told apart. The kernel's own descriptors from 3 on are a child's affair:
tests/e2e/test_inherited.py."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sidecar.transports import inherited
from sidecar.transports.failures import ListenFailed
from sidecar.transports.inherited import Inherited, take_inherited


class Handed:
    """Sockets with numbers in a row, as systemd hands them over."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self._folder = folder
        self._fds: list[int] = []

    def unix(self, name: str, *, listen: bool = True, kind: int = socket.SOCK_STREAM) -> Path:
        path = self._folder / name
        sock = socket.socket(socket.AF_UNIX, kind)
        sock.bind(str(path))
        if listen:
            sock.listen()
        self._fds.append(sock.detach())
        return path

    def tcp(self, host: str = "127.0.0.1") -> None:
        self._fds.append(socket.create_server((host, 0)).detach())

    def file(self) -> None:
        self._fds.append(os.open(os.devnull, os.O_RDONLY))

    def adopt(self, sock: socket.socket) -> None:
        self._fds.append(sock.detach())

    def announce(self, names: str = "", **changes: str) -> dict[str, str]:
        """Give them numbers in a row, above those that the tests themselves use, and return the variables."""
        first = 700
        for place, fd in enumerate(self._fds):
            os.dup2(fd, first + place)
            os.close(fd)
        self._monkeypatch.setattr(inherited, "_FIRST_FD", first)
        variables = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(self._fds)), "LISTEN_FDNAMES": names}
        return variables | changes | {"OTHER": "stays"}

    def close(self) -> None:
        for place in range(len(self._fds)):
            try:
                os.close(700 + place)
            except OSError:
                continue


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Handed]:
    handed = Handed(monkeypatch, tmp_path)
    yield handed
    handed.close()


def test_sockets_are_told_apart_by_their_names(handed: Handed) -> None:
    paths = [handed.unix("any"), handed.unix("other")]
    handed.tcp()
    environ = handed.announce("web:sidecar:tcp")

    with take_inherited(environ) as given:
        assert given.names == ["sidecar", "web", "tcp"]
        assert given.unix is not None
        assert given.web is not None
        assert [given.web.path, given.unix.path] == paths
        for sock in (given.unix.socket, given.web.socket, given.tcp):
            assert sock is not None
            assert sock.getblocking() is False
            assert sock.get_inheritable() is False
    assert environ == {"OTHER": "stays"}
    assert given.unix.socket.fileno() == -1
    assert all(path.exists() for path in paths)


@pytest.mark.parametrize("names", ["", "openai-moodle-sidecar.socket:openai-moodle-sidecar.socket:unknown"])
def test_without_names_they_are_told_apart_by_kind_and_place(handed: Handed, names: str) -> None:
    handed.tcp()
    paths = [handed.unix("web.sock"), handed.unix("sidecar.sock")]

    with take_inherited(handed.announce(names)) as given:
        assert given.tcp is not None
        assert given.unix is not None
        assert given.web is not None
        assert [given.web.path, given.unix.path] == paths


def test_the_settings_may_say_which_is_which(handed: Handed, tmp_path: Path) -> None:
    handed.unix("a")
    handed.unix("b")

    with take_inherited(handed.announce(), unix=tmp_path / "b", web=tmp_path / "a") as given:
        assert given.unix is not None
        assert given.unix.path == tmp_path / "b"
        assert given.names == ["sidecar", "web"]


@pytest.mark.parametrize("changes", [{"LISTEN_PID": "1"}, {"LISTEN_PID": ""}, {"LISTEN_FDS": ""}, {"LISTEN_FDS": "0"}])
def test_what_is_for_another_process_is_left_alone(handed: Handed, changes: dict[str, str]) -> None:
    handed.unix("sidecar.sock")

    with take_inherited(handed.announce(**changes)) as given:
        assert given == Inherited()
    os.fstat(700)


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(ListenFailed) as caught, ExitStack() as stack:
        stack.enter_context(take_inherited(environ))
    return str(caught.value)


def test_a_name_that_does_not_fit_is_refused(handed: Handed) -> None:
    handed.unix("a")
    assert "`tcp` is a Unix socket" in refusal(handed.announce("tcp"))


def test_a_socket_that_a_web_server_might_hold_is_not_guessed(handed: Handed) -> None:
    path = handed.unix("moodle.sock")
    assert f"{path} is for PHP or for a web server is not clear" in refusal(handed.announce())


def test_one_of_each_is_enough(handed: Handed) -> None:
    handed.tcp()
    handed.tcp()
    assert "Two inherited sockets are `tcp`" in refusal(handed.announce())


def test_a_number_is_asked_for(handed: Handed) -> None:
    assert "LISTEN_FDS must be" in refusal(handed.announce(LISTEN_FDS="two"))


def test_no_socket_is_refused(handed: Handed) -> None:
    handed.file()
    assert "Descriptor 700 was announced" in refusal(handed.announce())


def test_a_number_that_is_not_open_is_refused(handed: Handed) -> None:
    assert "Descriptor 700 was announced" in refusal(handed.announce(LISTEN_FDS="1"))


def test_a_socket_that_does_not_listen_is_refused(handed: Handed) -> None:
    handed.unix("sidecar.sock", listen=False)
    assert "does not listen for streams" in refusal(handed.announce())


def test_datagrams_are_refused(handed: Handed) -> None:
    handed.unix("sidecar.sock", listen=False, kind=socket.SOCK_DGRAM)
    assert "does not listen for streams" in refusal(handed.announce())


def test_another_family_is_refused(handed: Handed) -> None:
    handed.adopt(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
    assert "neither a Unix socket nor TCP" in refusal(handed.announce())


def test_tcp_is_for_this_machine_only(handed: Handed) -> None:
    handed.tcp("0.0.0.0")
    assert "only loopback" in refusal(handed.announce("tcp"))


def test_an_address_without_a_file_has_no_mode_that_could_guard_it(handed: Handed) -> None:
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind(f"\0openai-moodle-sidecar-test-{os.getpid()}")
    abstract.listen()
    handed.adopt(abstract)
    assert "has no absolute path" in refusal(handed.announce("sidecar"))


def test_a_socket_that_nobody_can_reach_any_more_is_refused(handed: Handed) -> None:
    handed.unix("sidecar.sock").unlink()
    assert "Nobody can reach it" in refusal(handed.announce())
