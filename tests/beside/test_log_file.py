import os
from pathlib import Path

import pytest

from sidecar.beside.log_file import LogFile


@pytest.fixture
def log(tmp_path: Path) -> LogFile:
    return LogFile(tmp_path / "sidecar.log", max_bytes=10)


def write(log: LogFile, text: str) -> None:
    with open(log.open(os.geteuid()), "w") as file:
        file.write(text)


def contents(log: LogFile) -> dict[str, str]:
    return {path.name: path.read_text() for path in log.path.parent.iterdir()}


def test_it_is_made_for_its_owner_and_its_group(log: LogFile) -> None:
    write(log, "one\n")
    write(log, "two\n")
    assert contents(log) == {"sidecar.log": "one\ntwo\n"}
    assert log.path.stat().st_mode & 0o777 == 0o640


def test_a_file_of_somebody_else_is_given_to_the_sidecar(log: LogFile, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr(os, "fchown", lambda _fd, uid, gid: given.append((uid, gid)))
    os.close(log.open(os.geteuid() + 1))
    assert given == [(os.geteuid() + 1, -1)]


def test_what_has_a_second_name_is_not_given_away(log: LogFile, tmp_path: Path) -> None:
    """Who may write to the folder could have linked somebody's file there."""
    write(log, "one\n")
    log.path.with_name("theirs").hardlink_to(log.path)
    os.close(log.open(os.geteuid()))
    with pytest.raises(OSError, match="not a plain file of one name"):
        log.open(os.geteuid() + 1)


def test_one_that_was_deleted_is_made_anew(log: LogFile) -> None:
    log.rotate(os.geteuid())
    assert contents(log) == {"sidecar.log": ""}


def test_a_short_one_stays(log: LogFile) -> None:
    write(log, "123456789\n")
    log.rotate(os.geteuid())
    assert contents(log) == {"sidecar.log": "123456789\n"}


def test_five_older_ones_are_kept(log: LogFile) -> None:
    for number in range(7):
        write(log, f"{number}" * 11)
        log.rotate(os.geteuid())
    older = {f"sidecar.log.{place}": f"{7 - place}" * 11 for place in range(1, 6)}
    assert contents(log) == {"sidecar.log": ""} | older


def test_a_link_in_its_place_is_not_followed(log: LogFile, tmp_path: Path) -> None:
    log.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        log.open(os.geteuid())
