import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.secret import Secret
from sidecar.transports.token import TokenError, load_token

CANARY = "canary-0123456789"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "token"


@pytest.fixture(params=[0o000, 0o077])
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def write(path: Path, content: bytes, mode: int = 0o640) -> None:
    path.write_bytes(content)
    path.chmod(mode)


def assert_refused(path: Path, message: str) -> None:
    with pytest.raises(TokenError) as caught:
        load_token(None, path)
    assert str(caught.value) == f"The token's file {str(path)!r} {message}"
    assert "canary" not in repr(caught.value)


def test_a_given_token_wins_and_no_file_is_made(path: Path) -> None:
    assert load_token(Secret(CANARY), path) == Secret(CANARY)
    assert not path.exists()


def test_a_missing_file_is_made_and_kept(path: Path) -> None:
    token = load_token(None, path)
    assert len(token.reveal()) == 43
    assert path.read_text() == token.reveal() + "\n"
    assert load_token(None, path) == token
    assert list(path.parent.iterdir()) == [path]


def test_every_file_gets_another_token(tmp_path: Path) -> None:
    assert load_token(None, tmp_path / "a") != load_token(None, tmp_path / "b")


@pytest.mark.usefixtures("_umask")
def test_its_mode_is_0640_under_any_umask(path: Path) -> None:
    load_token(None, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_it_is_given_to_the_group(path: Path) -> None:
    group = next(iter(os.getgroups()), os.getegid())
    load_token(None, path, gid=group)
    assert path.stat().st_gid == group


def test_a_group_that_it_cannot_be_given_to_ends_the_start(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, uid: int, gid: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refuse)
    with pytest.raises(
        TokenError, match=r"cannot be given to group 33 \(SIDECAR_SOCKET_GROUP\): Operation not permitted\."
    ):
        load_token(None, path, gid=33)
    assert list(path.parent.iterdir()) == []


def test_a_file_that_an_administrator_wrote_is_read(path: Path) -> None:
    write(path, CANARY.encode() + b"\r\n")
    assert load_token(None, path) == Secret(CANARY)


def test_all_who_make_it_at_once_get_the_same(path: Path) -> None:
    barrier = threading.Barrier(8)
    tokens: list[str] = []

    def load() -> None:
        barrier.wait(5)
        tokens.append(load_token(None, path).reveal())

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert tokens == [path.read_text().strip()] * 8
    assert list(path.parent.iterdir()) == [path]


def test_one_that_another_process_made_meanwhile_is_taken(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def link_late(source: Path, target: Path) -> None:
        write(path, CANARY.encode())
        link(source, target)

    monkeypatch.setattr(os, "link", link_late)
    assert load_token(None, path) == Secret(CANARY)
    assert list(path.parent.iterdir()) == [path]


def test_one_that_others_can_read_is_warned_about(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(path, CANARY.encode(), 0o640)
    load_token(None, path)
    assert caplog.messages == []
    path.chmod(0o644)
    load_token(None, path)
    assert caplog.messages == [f"every user of this machine has access to the token in '{path}'; chmod 640 ends that"]


def test_a_symbolic_link_is_refused(path: Path, tmp_path: Path) -> None:
    write(tmp_path / "real", CANARY.encode())
    path.symlink_to(tmp_path / "real")
    assert_refused(path, "cannot be read or made: it is a symbolic link.")


def test_a_symbolic_link_to_nowhere_is_refused_and_not_followed(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "nowhere")
    assert_refused(path, "cannot be read or made: it is a symbolic link.")
    assert not (tmp_path / "nowhere").exists()


def test_a_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, CANARY.encode())
    if os.geteuid() == 0:
        os.chown(path, 65534, -1)
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert_refused(path, f"belongs to user {owner}, who knows what is in it.")


def test_a_pipe_is_refused_at_once(path: Path) -> None:
    os.mkfifo(path)
    assert_refused(path, "is no regular file.")


def test_a_directory_is_refused(path: Path) -> None:
    path.mkdir()
    assert_refused(path, "cannot be read or made: Is a directory.")


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    assert_refused(tmp_path / "gone" / "token", "cannot be read or made: No such file or directory.")


@pytest.mark.parametrize("content", [b"", b"\n", b"canary canary", b"canary\xc3\xa9", b"x" * 10_000])
def test_a_file_without_a_token_is_refused_and_left(path: Path, content: bytes) -> None:
    write(path, content)
    reason = "a secret has 1 to 512 printable ASCII characters and no blanks"
    assert_refused(path, f"holds no token: {reason}. Without the file, one is made.")
    assert path.read_bytes() == content
