"""When the sidecar is started, started again and ended; real processes do it in tests/e2e/test_beside.py."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.beside import companion as module
from sidecar.beside import supervisor
from sidecar.beside.companion import Companion
from sidecar.beside.installation import Installation, Refused, User

ME = User(os.geteuid(), os.getegid())


class Stage:
    """Plays clock, kernel and installation."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.started: list[int] = []
        self.signals: list[tuple[int, int]] = []
        self.said: list[str] = []
        self.refusal: Exception | None = None
        self.no_process: Exception | None = None
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(module, "spawn", self._spawn)
        monkeypatch.setattr(module, "_say", self.said.append)
        monkeypatch.setattr(os, "kill", lambda pid, number: self.signals.append((pid, number)))
        monkeypatch.setattr(Installation, "prepare", lambda _: self._prepare())
        monkeypatch.setattr(Installation, "user", lambda _: ME)

    def _spawn(self, command: list[str], environment: dict[str, str], prepare: Callable[[], None]) -> int:
        if self.no_process is not None:
            raise self.no_process
        self.started.append(len(self.started) + 100)
        return self.started[-1]

    def _prepare(self) -> tuple[User, int]:
        if self.refusal is not None:
            raise self.refusal
        return ME, 33


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def test_the_pauses_grow_to_a_minute_and_a_long_life_ends_that(stage: Stage) -> None:
    companion = Companion({})
    companion.start()
    pauses = []
    for _ in range(8):
        companion.hear_of_end(stage.started[-1], 70)
        pauses.append(round(stage.said[-1].endswith("now") or int(stage.said[-1].split()[-2])))
        stage.now += 60
        companion.do_what_is_due()
        stage.now -= 59  # who has lived for a second
    assert pauses == [1, 1, 3, 7, 15, 31, 60, 60]  # the first: now
    assert stage.said[0].endswith("with status 70; next start now")
    stage.now += 119
    companion.hear_of_end(stage.started[-1], 70)
    assert stage.said[-1].endswith("next start now")


def test_it_is_not_started_before_its_time(stage: Stage) -> None:
    companion = Companion({})
    companion.start()
    companion.hear_of_end(100, -9)
    companion.do_what_is_due()
    companion.hear_of_end(101, -9)
    assert companion.seconds_until_due() == 1
    companion.do_what_is_due()
    assert stage.started == [100, 101]
    stage.now += 1
    assert companion.seconds_until_due() == 0
    companion.do_what_is_due()
    assert stage.started == [100, 101, 102]
    assert companion.seconds_until_due() == 10


@pytest.mark.parametrize(
    "refusal", [Refused("no group"), PermissionError(13, "Permission denied"), ValueError("a bug")]
)
def test_what_may_not_start_is_tried_again(stage: Stage, refusal: Exception) -> None:
    companion = Companion({})
    stage.refusal = refusal
    companion.start()
    assert stage.said == [f"the sidecar was not started: {refusal}; next start now"]
    stage.refusal = None
    companion.do_what_is_due()
    assert stage.started == [100]


def test_where_no_process_can_be_made_we_live_on_and_try_again(stage: Stage, tmp_path: Path) -> None:
    """PHP can bring that about, by as many processes as the container may have."""
    companion = Companion({"SIDECAR_LOG_FILE": str(tmp_path / "sidecar.log")})
    stage.no_process = BlockingIOError(11, "Resource temporarily unavailable")
    descriptors = os.listdir("/proc/self/fd")
    companion.start()
    assert os.listdir("/proc/self/fd") == descriptors
    assert stage.said == [f"the sidecar was not started: {stage.no_process}; next start now"]
    stage.no_process = None
    companion.do_what_is_due()
    assert stage.started == [100]


def test_after_a_stop_it_is_not_started_again_and_waited_for_in_time(stage: Stage) -> None:
    companion = Companion({})
    companion.start()
    assert companion.seconds_to_end() == 0, "nobody wants its end"
    companion.stop()
    stage.now += 1
    companion.stop()
    assert stage.signals == [(100, signal.SIGTERM)] * 2
    assert companion.seconds_to_end() == 8.5, "since the first"
    companion.hear_of_end(99, 0)  # an orphan
    assert companion.seconds_to_end() == 8.5
    companion.hear_of_end(100, 0)
    companion.do_what_is_due()
    companion.stop()
    assert (companion.seconds_to_end(), stage.started, stage.said) == (0, [100], [])


@pytest.mark.parametrize(("drain", "seconds"), [("30", 31.5), (" 0.5 ", 2.0), ("", 9.5), ("soon", 9.5), ("nan", 9.5)])
def test_it_is_waited_for_as_long_as_it_drains_by_its_settings(stage: Stage, drain: str, seconds: float) -> None:
    companion = Companion({"SIDECAR_DRAIN_SECONDS": drain})
    companion.start()
    companion.stop()
    assert companion.seconds_to_end() == seconds


def test_a_relative_log_is_the_one_that_the_sidecar_opens(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its working directory is /, and ours is Moodle's folder."""
    monkeypatch.chdir(tmp_path)
    Companion({"SIDECAR_LOG_FILE": str(tmp_path.relative_to("/") / "sidecar.log")}).start()
    assert [path.name for path in tmp_path.iterdir()] == ["sidecar.log"]


def test_a_log_that_cannot_be_rotated_is_said(stage: Stage, tmp_path: Path) -> None:
    log = tmp_path / "sidecar.log"
    companion = Companion({"SIDECAR_LOG_FILE": str(log)})
    companion.start()
    companion.do_what_is_due()
    assert stage.said == []
    log.unlink()
    log.symlink_to(tmp_path / "nowhere")
    companion.do_what_is_due()
    assert "the log cannot be rotated: [Errno 40]" in stage.said[0]


def test_what_becomes_the_sidecar_is_another_user_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[object, ...]] = []
    for name in ("setsid", "chdir", "dup2", "setgroups", "setresgid", "setresuid"):
        monkeypatch.setattr(os, name, lambda *arguments, name=name: done.append((name, *arguments)))
    monkeypatch.setattr(os, "open", lambda *_: 7)
    module._become(User(ME.uid + 1, 10), 33, 8)
    uid = ME.uid + 1
    assert done == [
        ("setsid",),
        ("chdir", "/"),
        ("dup2", 7, 0),
        ("dup2", 8, 1),
        ("dup2", 8, 2),
        ("setgroups", [10, 33]),
        ("setresgid", 10, 10, 10),
        ("setresuid", uid, uid, uid),
    ]
    done.clear()
    module._become(ME, 33, None)
    assert done == [("setsid",), ("chdir", "/"), ("dup2", 7, 0)], "it is the same user, and its log is ours"


def test_a_terminal_goes_to_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[object, ...]] = []
    monkeypatch.setattr(os, "isatty", lambda _: True)
    monkeypatch.setattr(signal, "pthread_sigmask", lambda *arguments: done.append(arguments))
    for name in ("setpgid", "tcsetpgrp"):
        monkeypatch.setattr(os, name, lambda *arguments, name=name: done.append((name, *arguments)))
    supervisor._lead_a_group()
    assert done == [
        ("setpgid", 0, 0),
        (signal.SIG_BLOCK, {signal.SIGTTOU}),
        ("tcsetpgrp", 0, os.getpgrp()),
    ]
