import os
import socket
from functools import partial
from pathlib import Path

import pytest

from sidecar import listeners
from sidecar.listeners import open_listeners
from sidecar.settings import Settings, load_settings
from sidecar.transports import inherited
from sidecar.transports.credentials import Credentials
from sidecar.transports.failures import AddressInUse, AnotherInstance, ListenFailed
from sidecar.transports.places import default_socket_path
from sidecar.transports.token import TokenError


@pytest.fixture(autouse=True)
def default_place(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that is taken where no setting says where."""
    monkeypatch.chdir(tmp_path)
    run_dir = tmp_path_factory.mktemp("run")  # not in the test's own, whose name is as long: a socket's path is short
    monkeypatch.setattr(listeners, "default_socket_path", partial(default_socket_path, run_dir=run_dir))
    return run_dir / "openai-moodle-sidecar"


def settings(**changes: str) -> Settings:
    return load_settings(overrides={"SIDECAR_TCP": "127.0.0.1:0"} | changes)


def test_without_a_setting_the_socket_and_the_token_are_in_the_default_place(default_place: Path) -> None:
    with open_listeners(settings()) as opened:
        assert opened.unix is not None
        assert opened.unix.path == default_place / "sidecar.sock"
        assert opened.token_file == default_place / "token"
        assert opened.token is not None
        assert opened.token.reveal() == (default_place / "token").read_text().strip()


def test_the_token_is_beside_the_socket(tmp_path: Path) -> None:
    with open_listeners(settings(SIDECAR_SOCKET=str(tmp_path / "my.sock"))) as opened:
        assert opened.token_file == tmp_path / "token"


def test_without_a_socket_the_token_is_in_the_default_place(default_place: Path) -> None:
    with open_listeners(settings(SIDECAR_SOCKET="off")) as opened:
        assert opened.unix is None
        assert opened.token_file == default_place / "token"


def test_the_web_servers_socket_is_beside_the_other(default_place: Path, tmp_path: Path) -> None:
    with open_listeners(settings()) as opened:
        assert opened.web is not None
        assert opened.web.path == default_place / "web.sock"
        assert opened.web.path.stat().st_mode & 0o777 == 0o660
    with open_listeners(settings(SIDECAR_SOCKET=str(tmp_path / "my.sock"), SIDECAR_SOCKET_MODE="0600")) as opened:
        assert opened.web is not None
        assert opened.web.path == tmp_path / "web.sock"
        assert opened.web.path.stat().st_mode & 0o777 == 0o660
    assert not (tmp_path / "web.sock").exists()


@pytest.mark.parametrize("changes", [{"SIDECAR_WEB_SOCKET": "off"}, {"SIDECAR_SOCKET": "off"}])
def test_the_web_servers_socket_may_be_off_and_is_off_without_the_other(changes: dict[str, str]) -> None:
    with open_listeners(settings(**changes)) as opened:
        assert opened.web is None


def test_the_web_servers_socket_may_be_anywhere(default_place: Path, tmp_path: Path) -> None:
    with open_listeners(settings(SIDECAR_WEB_SOCKET=str(tmp_path / "w.sock"), SIDECAR_SOCKET="off")) as opened:
        assert opened.unix is None
        assert opened.web is not None
        assert opened.web.path == tmp_path / "w.sock"


def test_the_two_sockets_are_never_one(tmp_path: Path) -> None:
    both = str(tmp_path / "my.sock")
    with (
        pytest.raises(ListenFailed, match="must be different"),
        open_listeners(settings(SIDECAR_SOCKET=both, SIDECAR_WEB_SOCKET=both)),
    ):
        pass  # pragma: no cover - it does not come to this


def test_a_second_instance_in_a_directory_is_told_which_setting_to_change(tmp_path: Path) -> None:
    with (
        open_listeners(settings(SIDECAR_SOCKET=str(tmp_path / "a.sock"))),
        pytest.raises(AnotherInstance, match=r"web\.sock\..*SIDECAR_WEB_SOCKET"),
        open_listeners(settings(SIDECAR_SOCKET=str(tmp_path / "b.sock"))),
    ):
        pass  # pragma: no cover - it does not come to this


@pytest.mark.anyio
async def test_the_web_servers_socket_has_a_group_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[str, int]] = []
    monkeypatch.setattr(os, "chown", lambda path, uid, gid, **_: given.append((path.name, gid)))
    changes = {"SIDECAR_SOCKET": str(tmp_path / "my.sock"), "SIDECAR_WEB_SOCKET_GROUP": "4711"}
    with open_listeners(settings(**changes, SIDECAR_ALLOWED_UIDS="4712")) as opened:
        assert given == [("web.sock.new", 4711)]
        web_server, php = Credentials(1, 4713, 4711, frozenset()), Credentials(1, 4712, 4712, frozenset())
        assert await opened.web_admission.check(web_server) is None
        assert "SIDECAR_WEB_SOCKET_GROUP" in str(await opened.web_admission.check(php))
        assert await opened.admission.check(php) is None
        assert await opened.admission.check(web_server) is not None


def test_without_tcp_there_is_no_token(default_place: Path) -> None:
    with open_listeners(settings(SIDECAR_TCP="off")) as opened:
        assert (opened.tcp, opened.token, opened.token_file) == (None, None, None)
    assert not (default_place / "token").exists()


def test_without_authentication_there_is_no_token(default_place: Path) -> None:
    with open_listeners(settings(SIDECAR_TCP_AUTH="off")) as opened:
        assert opened.tcp is not None
        assert (opened.token, opened.token_file) == (None, None)
    assert not (default_place / "token").exists()


def test_a_relative_path_is_told_in_full(tmp_path: Path) -> None:
    """What is printed is pasted in another directory."""
    with open_listeners(settings(SIDECAR_SOCKET="my.sock")) as opened:
        assert opened.unix is not None
        assert opened.unix.path == tmp_path / "my.sock"


@pytest.mark.parametrize("group", [None, os.getegid()])
def test_the_sockets_group_decides_who_may_use_it(tmp_path: Path, group: int | None) -> None:
    named = {} if group is None else {"SIDECAR_SOCKET_GROUP": str(group)}
    with open_listeners(settings(SIDECAR_SOCKET=str(tmp_path / "my.sock"), **named)):
        assert (tmp_path / "my.sock").stat().st_gid == os.getegid()


def test_what_cannot_be_opened_closes_what_was(tmp_path: Path) -> None:
    path = tmp_path / "my.sock"
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        with (
            pytest.raises(AddressInUse),
            open_listeners(settings(SIDECAR_SOCKET=str(path), SIDECAR_TCP=taken)),
        ):
            pass  # pragma: no cover - it does not come to this
    assert not path.exists()

    (tmp_path / "token").mkdir()
    with pytest.raises(TokenError), open_listeners(settings(SIDECAR_SOCKET=str(path))):
        pass  # pragma: no cover - it does not come to this
    assert not path.exists()


class FakeParent:
    """Hands over sockets without a second process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self.folder = folder

    def hands(self, *, mode: int = 0o660) -> Path:
        path = self.folder / "handed.sock"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        path.chmod(mode)
        listener.listen()
        os.dup2(listener.detach(), 710)
        self._monkeypatch.setattr(inherited, "_FIRST_FD", 710)
        for name, text in (("PID", str(os.getpid())), ("FDS", "1"), ("FDNAMES", "sidecar")):
            self._monkeypatch.setenv(f"LISTEN_{name}", text)
        return path


@pytest.fixture
def parent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeParent:
    return FakeParent(monkeypatch, tmp_path)


@pytest.mark.anyio
async def test_the_group_of_an_inherited_socket_may_use_it(parent: FakeParent) -> None:
    path = parent.hands()
    os.chown(path, -1, 4711)
    member, other = Credentials(1, 4713, 4711, frozenset()), Credentials(1, 4713, 4712, frozenset())
    with open_listeners(settings()) as opened:
        assert opened.unix is not None
        assert opened.unix.path == path
        assert await opened.admission.check(member) is None
        assert await opened.admission.check(other) is not None
        assert opened.token_file == path.with_name("token")
    assert path.exists()


def test_where_an_inherited_socket_is_not_as_the_settings_say_the_log_tells(
    parent: FakeParent, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = parent.hands()
    with open_listeners(settings(SIDECAR_SOCKET=str(tmp_path / "other.sock"), SIDECAR_SOCKET_GROUP="4711")) as opened:
        assert opened.unix is not None
        assert opened.unix.path == path
    assert f"the socket {path} is inherited: SIDECAR_SOCKET names another path" in caplog.text
    assert "SIDECAR_SOCKET_GROUP differs" in caplog.text


def test_an_inherited_socket_that_lets_in_more_than_the_settings_is_refused(parent: FakeParent) -> None:
    parent.hands(mode=0o666)
    with pytest.raises(ListenFailed, match=r"mode 0666, which lets in more than 0660"), open_listeners(settings()):
        pass  # pragma: no cover - it does not come to this
