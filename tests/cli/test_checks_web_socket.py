"""What doctor says of the web server's socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from protocol.messages import Done
from sidecar.cli.checks import Report
from sidecar.cli.checks.files import (
    check_web_socket,
)
from sidecar.settings import Settings
from tests.cli.checking import NOBODY, said

"""A number that no user and no group has."""


@pytest.fixture
def web_socket_path(tmp_path: Path) -> Iterator[Path]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "web.sock"))
        (tmp_path / "web.sock").chmod(0o660)
        yield tmp_path / "web.sock"


def test_the_web_servers_socket_is_beside_the_other(
    settings: Settings, report: Report, socket_path: Path, web_socket_path: Path
) -> None:
    check_web_socket(settings, socket_path, Done(tickets=True), report)
    assert said(report)[0] == "ok"
    assert f"{web_socket_path}: mode 0660" in said(report)[1]


def test_who_may_use_the_other_socket_may_not_use_the_web_servers(
    settings: Settings, report: Report, socket_path: Path, web_socket_path: Path
) -> None:
    check_web_socket(replace(settings, allowed_uids=frozenset([NOBODY])), socket_path, None, report)
    assert said(report)[0] == "ok"
    assert str(NOBODY) not in said(report)[1]


def test_the_web_servers_socket_may_be_off_and_is_off_without_the_other(settings: Settings, report: Report) -> None:
    check_web_socket(replace(settings, web_socket="off"), None, None, report)
    check_web_socket(replace(settings, socket="off"), None, None, report)
    assert [check.status for check in report.checks] == ["skipped"] * 2


@pytest.mark.parametrize(
    ("answer", "gid", "message"),
    [
        (Done(tickets=False), None, "The sidecar that runs gives no tickets. Restart"),
        (Done(), None, "The sidecar that runs gives no tickets. Restart"),
        (Done(tickets=True), NOBODY, f"By the settings its group is {NOBODY}. Restart"),
    ],
)
def test_a_web_servers_socket_that_will_not_do_is_told(
    settings: Settings,
    report: Report,
    socket_path: Path,
    web_socket_path: Path,
    answer: Done,
    gid: int | None,
    message: str,
) -> None:
    check_web_socket(replace(settings, web_socket_gid=gid), socket_path, answer, report)
    assert said(report)[0] == "warning"
    assert message in said(report)[1]


def test_the_web_server_must_be_able_to_enter_the_directory(
    settings: Settings, report: Report, socket_path: Path, web_socket_path: Path
) -> None:
    socket_path.parent.chmod(0o700)
    check_web_socket(replace(settings, web_socket_gid=os.getegid()), socket_path, None, report)
    assert said(report)[0] == "warning"
    assert "chmod o+x lets it in" in said(report)[1]


def test_a_web_servers_socket_that_is_not_there_is_told(settings: Settings, report: Report, socket_path: Path) -> None:
    check_web_socket(settings, socket_path, None, report)
    assert said(report)[0] == "warning"
    assert "is not there" in said(report)[1]
