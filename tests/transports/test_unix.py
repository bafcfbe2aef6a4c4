import errno
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from sidecar.transports.failures import AnotherInstance, ListenFailed, NotPermitted
from sidecar.transports.unix import SocketFile, UnixListener


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sidecar.sock"


def listen(path: Path, *, mode: int = 0o660, gid: int | None = None) -> UnixListener:
    return UnixListener(SocketFile(path=path, mode=mode, gid=gid))


def connect(path: Path) -> None:
    """Raise OSError where nobody listens."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def left_by_a_killed_one(path: Path) -> None:
    """Leave a socket on which nobody listens any more."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()


def test_it_listens_without_blocking_and_takes_itself_away(path: Path) -> None:
    with listen(path) as listener:
        assert not listener.socket.getblocking()
        connect(path)
    assert not path.exists()
    assert listener.socket.fileno() < 0


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_the_mode_is_exact_whatever_the_umask(path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        with listen(path, mode=mode):
            assert stat.S_IMODE(path.stat().st_mode) == mode
            assert os.umask(umask) == umask
    finally:
        os.umask(before)


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_no_other_mode_is_ever_to_be_seen(tmp_path: Path, path: Path, umask: int) -> None:
    seen: set[int] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            for entry in os.scandir(tmp_path):
                try:
                    mode = entry.stat(follow_symlinks=False).st_mode
                except FileNotFoundError:
                    continue
                if stat.S_ISSOCK(mode):
                    seen.add(stat.S_IMODE(mode))

    watcher = threading.Thread(target=watch)
    watcher.start()
    before = os.umask(umask)
    try:
        for _ in range(200):
            with listen(path):
                pass
    finally:
        os.umask(before)
        stop.set()
        watcher.join()
    assert seen <= {0o660}


def test_the_group_is_given_before_anybody_can_connect(path: Path) -> None:
    group = os.getgroups()[-1] if os.getgroups() else os.getegid()
    with listen(path, gid=group):
        assert path.stat().st_gid == group


def test_a_group_that_is_not_ours_to_give_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may give any, so that only a fake can refuse everywhere."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    with pytest.raises(NotPermitted, match=r"cannot be given to group 4711 \(SIDECAR_SOCKET_GROUP\)") as caught:
        listen(path, gid=4711)
    assert caught.value.exit_status == 77
    assert [entry.name for entry in path.parent.iterdir()] == ["sidecar.sock.lock"]


def test_a_lock_that_somebody_else_left_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a trial as root."""
    lock = path.with_name("sidecar.sock.lock")
    lock.write_text("1\n")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(NotPermitted, match=rf"{lock} belongs to another user, .*: remove it\."):
        listen(path)


def test_a_second_one_in_this_process_is_refused(path: Path) -> None:
    with listen(path):
        with pytest.raises(
            AnotherInstance, match=rf"Another sidecar \(process {os.getpid()}\) serves {path}"
        ) as caught:
            listen(path)
        connect(path)
    assert caught.value.exit_status == 73


@pytest.mark.parametrize("text", [b"", b"\x1b[2Jnonsense", b"12\n34"])
def test_what_no_sidecar_wrote_into_the_lock_is_not_shown(path: Path, text: bytes) -> None:
    with listen(path):
        path.with_name("sidecar.sock.lock").write_bytes(text)
        with pytest.raises(
            AnotherInstance, match=rf"Another sidecar serves {path}\. For a second one, set SIDECAR_SOCKET"
        ):
            listen(path)


def test_what_a_killed_one_left_is_replaced(path: Path) -> None:
    left_by_a_killed_one(path)
    with listen(path):
        connect(path)


def test_what_was_left_between_bind_and_rename_is_replaced(path: Path) -> None:
    left_by_a_killed_one(path.with_name("sidecar.sock.new"))
    with listen(path):
        connect(path)
    assert [entry.name for entry in path.parent.iterdir()] == ["sidecar.sock.lock"]


@pytest.mark.parametrize("name", ["sidecar.sock", "sidecar.sock.new"])
@pytest.mark.parametrize("kind", ["file", "directory", "symlink", "dangling", "pipe", "foreign socket", "live socket"])
def test_what_is_not_ours_is_refused_and_left_alone(path: Path, name: str, kind: str) -> None:
    place = path.with_name(name)
    with socket.socket(socket.AF_UNIX) as other:
        match kind:
            case "file":
                place.write_text("precious")
            case "directory":
                place.mkdir()
            case "symlink":
                left_by_a_killed_one(path.with_name("elsewhere"))
                place.symlink_to("elsewhere")
            case "dangling":
                place.symlink_to("nowhere")
            case "pipe":
                os.mkfifo(place)
            case "foreign socket":
                left_by_a_killed_one(place)
                place_of_another_user(place)
            case "live socket":
                other.bind(str(place))
                other.listen()
        before = place.lstat()
        with pytest.raises(AnotherInstance, match="left alone") as caught:
            listen(path)
    assert caught.value.exit_status == 73
    assert str(place) in str(caught.value)
    assert place.lstat().st_ino == before.st_ino
    assert name == "sidecar.sock" or not path.exists()


def place_of_another_user(place: Path) -> None:
    """Give a file to another user or, without the right to, put it where only a file of another user can be."""
    if os.geteuid() == 0:
        os.chown(place, 3_000_000_001, -1)
    else:
        place.unlink()
        place.write_text("no root, no other user: a file is refused as well")


def test_a_live_one_with_a_full_queue_is_alive(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other, socket.socket(socket.AF_UNIX) as client:
        other.bind(str(path))
        other.listen(0)
        client.connect(str(path))
        with pytest.raises(AnotherInstance, match="Another program listens"):
            listen(path)


def test_a_socket_of_another_kind_is_left_alone(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))
        with pytest.raises(ListenFailed, match=rf"The socket {path} cannot be made"):
            listen(path)
        assert path.is_socket()


def test_only_what_is_still_ours_is_taken_away(path: Path) -> None:
    with listen(path):
        path.unlink()
        path.write_text("precious")
    assert path.read_text() == "precious"

    path.unlink()
    with listen(path):
        path.unlink()
    assert not path.exists()


def test_a_path_is_as_long_as_the_kernel_lets_it_be(tmp_path: Path) -> None:
    room = 103 - len(os.fsencode(tmp_path)) - 1
    with listen(tmp_path / ("s" * room)) as listener:
        connect(listener.path)
    too_long = tmp_path / ("ü" * (room // 2 + 1))
    with pytest.raises(ListenFailed, match="bytes, but at most 103 are possible: ") as caught:
        listen(too_long)
    assert str(too_long) in str(caught.value)
    assert not too_long.exists()


def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ListenFailed, match="cannot be made: No such file or directory") as caught:
        listen(tmp_path / "missing" / "sidecar.sock")
    assert not isinstance(caught.value, NotPermitted)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_missing_right_is_named(path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Root may write everywhere, so that only a fake can refuse everywhere."""

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(NotPermitted, match=rf"The socket {path} cannot be made: .* Set SIDECAR_SOCKET") as caught:
        listen(path)
    assert caught.value.exit_status == 77


def test_a_lock_that_is_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    path.with_name("sidecar.sock.lock").symlink_to("precious")
    with pytest.raises(ListenFailed):
        listen(path)
    assert (tmp_path / "precious").read_text() == "precious"
