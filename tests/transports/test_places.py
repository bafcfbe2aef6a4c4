import os
import stat
import tempfile
from pathlib import Path

import pytest

from sidecar.transports.failures import ListenFailed
from sidecar.transports.places import SOCKET_NAME, check_directory, default_socket_path, socket_paths

OURS = "openai-moodle-sidecar"


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


@pytest.fixture
def private_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the private directory would be."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / f"{OURS}-{os.geteuid()}"


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """A place in which no directory can be made, for root neither."""
    (tmp_path / "file").touch()
    return tmp_path / "file"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_first_place_is_below_run(run_dir: Path, tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        path = default_socket_path(run_dir=run_dir, runtime_dir=tmp_path, gid=os.getegid())
    finally:
        os.umask(before)
    assert path == run_dir / OURS / SOCKET_NAME
    assert mode_of(path.parent) == 0o750  # the web server is in the group, and must come through
    assert path.parent.stat().st_gid == os.getegid()


def test_a_directory_that_is_there_stays_as_it_is(run_dir: Path) -> None:
    (run_dir / OURS).mkdir(mode=0o755)
    path = default_socket_path(run_dir=run_dir, runtime_dir=None, gid=None)
    assert path == run_dir / OURS / SOCKET_NAME
    assert mode_of(path.parent) == 0o755


def test_the_second_place_is_the_users_own(nowhere: Path, tmp_path: Path) -> None:
    path = default_socket_path(run_dir=nowhere, runtime_dir=tmp_path, gid=None)
    assert path == tmp_path / OURS / SOCKET_NAME


def test_a_file_in_place_of_the_directory_is_passed_over(run_dir: Path, tmp_path: Path) -> None:
    (run_dir / OURS).touch()
    assert default_socket_path(run_dir=run_dir, runtime_dir=tmp_path, gid=None).parent == tmp_path / OURS


def test_a_group_that_is_not_ours_to_give_leaves_no_directory_behind(
    run_dir: Path, private_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next start would take it, with the wrong group and with another token."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    for _ in range(2):
        assert default_socket_path(run_dir=run_dir, runtime_dir=None, gid=4711).parent == private_dir
    assert list(run_dir.iterdir()) == []


@pytest.mark.parametrize("runtime_dir", [True, False])
def test_the_last_place_is_ours_alone(nowhere: Path, private_dir: Path, runtime_dir: bool) -> None:
    for _ in range(2):
        path = default_socket_path(run_dir=nowhere, runtime_dir=nowhere if runtime_dir else None, gid=None)
        assert path == private_dir / SOCKET_NAME
        assert mode_of(private_dir) == 0o700


@pytest.mark.parametrize("trap", ["link", "file", "open"])
def test_what_others_could_have_put_there_is_refused(nowhere: Path, private_dir: Path, trap: str) -> None:
    match trap:
        case "link":
            private_dir.symlink_to(nowhere.parent)
        case "file":
            private_dir.touch()
        case "open":
            private_dir.mkdir()
            private_dir.chmod(0o770)
    with pytest.raises(ListenFailed, match=rf"{private_dir}.* SIDECAR_SOCKET"):
        default_socket_path(run_dir=nowhere, runtime_dir=None, gid=None)


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o755, 0o1777])
def test_a_directory_is_fit_where_not_anybody_may_replace_files(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    check_directory(tmp_path / SOCKET_NAME)
    tmp_path.chmod(0o700)


def test_a_directory_that_everybody_may_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(ListenFailed, match="Anybody may replace files"):
        check_directory(tmp_path / SOCKET_NAME)
    tmp_path.chmod(0o700)


def test_a_directory_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ListenFailed, match=r"No such file or directory\. Make it, or set SIDECAR_SOCKET"):
        check_directory(tmp_path / "missing" / SOCKET_NAME)


def test_a_file_is_no_directory(nowhere: Path) -> None:
    with pytest.raises(ListenFailed, match="is no directory"):
        check_directory(nowhere / SOCKET_NAME)


@pytest.mark.parametrize("usable", ["run", "runtime", "private"])
def test_a_client_looks_where_the_socket_would_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, usable: str) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run_dir, runtime_dir = tmp_path / "run", tmp_path / "runtime"
    before = socket_paths(None, run_dir=run_dir, runtime_dir=runtime_dir)
    assert before == [place / OURS / SOCKET_NAME for place in (run_dir, runtime_dir)]
    assert not list(tmp_path.iterdir())
    if usable != "private":
        (tmp_path / usable).mkdir()
    path = default_socket_path(run_dir=run_dir, runtime_dir=runtime_dir, gid=None)
    assert path in socket_paths(None, run_dir=run_dir, runtime_dir=runtime_dir)


def test_where_a_place_is_set_a_client_looks_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert socket_paths(Path("s.sock"), runtime_dir=None) == [tmp_path / "s.sock"]
    assert socket_paths("off", runtime_dir=None) == []


def test_a_directory_of_ours_is_given_to_the_group_that_is_set_later(run_dir: Path, tmp_path: Path) -> None:
    default_socket_path(run_dir=run_dir, runtime_dir=tmp_path, gid=None)
    groups = [gid for gid in (*os.getgroups(), *([4711] if os.geteuid() == 0 else [])) if gid != os.getegid()]
    for gid in groups[:1]:
        path = default_socket_path(run_dir=run_dir, runtime_dir=tmp_path, gid=gid)
        assert path.parent.stat().st_gid == gid
