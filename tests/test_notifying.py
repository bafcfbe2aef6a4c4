"""What a supervisor hears, by real datagrams; the whole program beside one is in tests/e2e/test_notifying.py."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sidecar.notifying import Notifier


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        ours.bind(str(tmp_path / "notify"))
        ours.settimeout(5)
        yield ours


def test_it_hears_in_lines_what_happens(heard: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": heard.getsockname(), "OTHER": "stays"}
    with closing(Notifier(environ)) as notifier:
        assert notifier.has_supervisor
        notifier.ready("idle")
        assert heard.recv(4096) == b"READY=1\nSTATUS=idle"
        notifier.reloading()
        kind, _, clock = heard.recv(4096).decode().partition("\n")
        assert kind == "RELOADING=1"
        assert abs(int(clock.removeprefix("MONOTONIC_USEC=")) / 1e6 - time.monotonic()) < 5
        notifier.stopping("draining")
        assert heard.recv(4096) == b"STOPPING=1\nSTATUS=draining"
    assert environ == {"OTHER": "stays"}


def test_a_status_is_told_when_it_is_another_one(heard: socket.socket) -> None:
    with closing(Notifier({"NOTIFY_SOCKET": heard.getsockname()})) as notifier:
        for status in ("idle", "idle", "busy"):
            notifier.alive(status)
    assert [heard.recv(4096) for _ in range(3)] == [
        b"WATCHDOG=1\nSTATUS=idle",
        b"WATCHDOG=1",
        b"WATCHDOG=1\nSTATUS=busy",
    ]


def test_an_abstract_address_begins_with_an_at_sign() -> None:
    name = f"openai-moodle-sidecar-notify-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        ours.bind(f"\0{name}")
        ours.settimeout(5)
        with closing(Notifier({"NOTIFY_SOCKET": f"@{name}"})) as notifier:
            notifier.ready("idle")
        assert ours.recv(4096) == b"READY=1\nSTATUS=idle"


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({"WATCHDOG_USEC": "4000000"}, 2),
        ({"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": str(os.getpid())}, 2),
        ({"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": "1"}, 10),
        ({"WATCHDOG_USEC": "60000000"}, 10),
        ({"WATCHDOG_USEC": "0"}, 10),
        ({"WATCHDOG_USEC": "soon"}, 10),
        ({}, 10),
    ],
)
def test_the_watchdog_hears_twice_in_its_time(variables: dict[str, str], seconds: float) -> None:
    assert Notifier(dict(variables)).look_seconds == seconds


def test_without_one_and_where_it_does_not_listen_nothing_happens(tmp_path: Path) -> None:
    for variables in ({}, {"NOTIFY_SOCKET": str(tmp_path / "nobody")}):
        with closing(Notifier(dict(variables))) as notifier:
            notifier.ready("idle")
            notifier.alive("idle")
            assert notifier.has_supervisor == bool(variables)
