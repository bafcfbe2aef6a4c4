"""What doctor says of the log, the socket with its directory, and the token."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from sidecar.cli.checks import Report
from sidecar.cli.checks.files import (
    check_directory_of_socket,
    check_log,
    check_socket,
    check_token,
    check_usage,
    group_name,
    user_name,
)
from sidecar.secret import Secret
from sidecar.settings import Settings, UserLimits
from tests.cli.checking import NOBODY, refuse_access, said


def test_the_log_goes_to_stderr_or_to_a_file(settings: Settings, report: Report, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")
    for path in (None, tmp_path / "log", tmp_path / "new"):
        check_log(replace(settings, log_file=path), report)
    assert [check.status for check in report.checks] == ["ok"] * 3
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [("folder", "is a directory"), ("link", "is a link"), ("file/log", "Not a directory")],
)
def test_a_log_that_is_no_file_is_wrong(
    settings: Settings, report: Report, tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("file")
    check_log(replace(settings, log_file=tmp_path / name), report)
    assert said(report)[0] == "failed"
    assert message in said(report)[1]


@pytest.mark.parametrize(("exists", "message"), [(True, "cannot be written by"), (False, "cannot be made by")])
def test_a_log_that_is_not_ours_is_wrong(
    settings: Settings,
    report: Report,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    exists: bool,
    message: str,
) -> None:
    if exists:
        (tmp_path / "log").write_text("")
    refuse_access(monkeypatch)
    check_log(replace(settings, log_file=tmp_path / "log"), report)
    assert said(report)[0] == "failed"
    assert message in said(report)[1]


LIMITS = UserLimits(tokens_per_day=1000)


@pytest.mark.parametrize(
    ("has_file", "key", "limits", "message"),
    [
        (False, None, UserLimits(), "not written; no limits of users"),
        (False, Secret("k"), LIMITS, "limits of users begin anew"),
        (
            True,
            None,
            LIMITS,
            "pseudonyms change with each start, as SIDECAR_USAGE_KEY is not set; limits of users",
        ),
        (True, Secret("k"), LIMITS, "limits of users go on after a restart"),
    ],
)
def test_what_is_written_of_usage_and_what_a_restart_does_to_it(
    settings: Settings,
    report: Report,
    tmp_path: Path,
    has_file: bool,
    key: Secret | None,
    limits: UserLimits,
    message: str,
) -> None:
    path = tmp_path / "usage" if has_file else None
    check_usage(replace(settings, usage_file=path, usage_key=key, user_limits=limits), report)
    assert said(report)[0] == "ok"
    assert message in said(report)[1]


def test_usage_that_cannot_be_written_is_wrong(settings: Settings, report: Report, tmp_path: Path) -> None:
    check_usage(replace(settings, usage_file=tmp_path), report)
    assert said(report) == ("failed", f"{tmp_path} is a directory Set SIDECAR_USAGE_FILE to a file.")


def test_a_directory_that_the_start_makes_is_not_missing(
    settings: Settings, report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "none" / "s.sock"
    monkeypatch.setattr("sidecar.cli.checks.files.socket_paths", lambda wanted, runtime_dir: [path])
    assert check_directory_of_socket(replace(settings, socket=None), report) == path
    assert said(report)[0] == "ok"


def test_it_looks_where_a_socket_is_and_not_where_only_a_directory_is(
    settings: Settings, report: Report, socket_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `chat` does: a directory may have been left by a trial, and the sidecar run from another one."""
    left = tmp_path / "left" / "s.sock"
    left.parent.mkdir()
    monkeypatch.setattr("sidecar.cli.checks.files.socket_paths", lambda wanted, runtime_dir: [left, socket_path])
    assert check_directory_of_socket(replace(settings, socket=None), report) == socket_path
    socket_path.unlink()
    assert check_directory_of_socket(replace(settings, socket=None), report) == left


def test_a_directory_that_is_set_must_be_there(settings: Settings, report: Report, tmp_path: Path) -> None:
    check_directory_of_socket(replace(settings, socket=tmp_path / "none" / "s.sock"), report)
    assert said(report)[0] == "failed"
    assert "Make it, or set SIDECAR_SOCKET" in said(report)[1]


def test_who_may_connect_is_named(settings: Settings, report: Report, socket_path: Path) -> None:
    me = user_name(os.geteuid())
    check_socket(settings, socket_path, report)
    check_socket(replace(settings, allowed_uids=frozenset((0, NOBODY))), socket_path, report)
    os.chmod(socket_path, 0o600)
    check_socket(replace(settings, socket_mode=0o600), socket_path, report)
    of_group, of_uids, of_owner = (check.message for check in report.checks)
    assert f"members of group {group_name(os.getegid())} (" in of_group
    assert str(NOBODY) in of_uids
    assert of_owner.endswith(f"may connect: {me}" if me == "root" else f"may connect: {me}, root")


def test_a_group_of_another_name_wants_a_restart(settings: Settings, report: Report, socket_path: Path) -> None:
    check_socket(replace(settings, socket_gid=NOBODY), socket_path, report)
    assert said(report)[0] == "warning"
    assert f"By the settings its group is {NOBODY}. Restart" in said(report)[1]


def test_a_group_must_be_able_to_enter_the_directory(settings: Settings, report: Report, socket_path: Path) -> None:
    socket_path.parent.chmod(0o700)
    settings = replace(settings, socket_gid=os.getegid())
    check_socket(settings, socket_path, report)
    assert said(report)[0] == "warning"
    assert "cannot enter" in said(report)[1]

    for mode in (0o710, 0o701):
        socket_path.parent.chmod(mode)
        report = Report(lambda check: None)
        check_socket(settings, socket_path, report)
        assert said(report)[0] == "ok"


def test_a_group_that_is_not_known_has_no_members(
    settings: Settings, report: Report, socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = socket_path.lstat()
    there = os.stat_result((*found[:5], NOBODY, *found[6:]))
    monkeypatch.setattr(Path, "lstat", lambda self: there)
    check_socket(settings, socket_path, report)
    assert f"members of group {NOBODY} (nobody)" in said(report)[1]


def test_what_cannot_be_looked_at_is_said(settings: Settings, report: Report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    check_socket(settings, tmp_path / "file" / "s.sock", report)
    assert said(report)[0] == "failed"
    assert "Not a directory" in said(report)[1]


# The web server's socket.


def test_a_token_may_be_missing_or_given(settings: Settings, report: Report, tmp_path: Path) -> None:
    check_token(settings, report)
    check_token(replace(settings, token=Secret("given")), report)
    check_token(replace(settings, tcp_auth=False), report)
    check_token(replace(settings, tcp=None), report)
    assert [check.status for check in report.checks] == ["ok", "ok", "skipped", "skipped"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", [0o640, 0o644])
def test_a_token_for_all_is_a_warning(settings: Settings, report: Report, tmp_path: Path, mode: int) -> None:
    (tmp_path / "token").write_text("canary-token\n")
    (tmp_path / "token").chmod(mode)
    check_token(settings, report)
    assert said(report)[0] == ("ok" if mode == 0o640 else "warning")
    assert "canary" not in said(report)[1]


def test_a_token_behind_a_link_is_refused(settings: Settings, report: Report, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("canary-token")
    (tmp_path / "token").symlink_to("real")
    check_token(settings, report)
    assert said(report)[0] == "failed"


def test_a_token_that_is_not_for_us_is_a_warning(
    settings: Settings, report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("canary-token")

    def refuse(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    check_token(settings, report)
    assert said(report)[0] == "warning"
    assert "Run doctor as the sidecar's user" in said(report)[1]


def test_numbers_stand_for_those_without_a_name() -> None:
    assert user_name(0) == "root"
    assert user_name(NOBODY) == group_name(NOBODY) == str(NOBODY)
