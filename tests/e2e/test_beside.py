"""`beside`: a container's program and the sidecar, as one. In containers: tests/container/images."""

import os
import pwd
import shlex
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from sidecar.beside.installation import KIND, USER
from tests.e2e.conftest import Launch
from tests.e2e.program import MAIN, Program, wait_until
from tests.e2e.terminal import read_to_end

Start = Callable[..., Program]


@pytest.fixture
def start(launch: Launch, tmp_path: Path) -> Start:
    """Start a program, by a shell, with the sidecar beside it."""
    installed = tmp_path / "bin" / "openai-moodle-sidecar"
    installed.parent.mkdir()
    installed.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m sidecar "$@"\n')
    installed.chmod(0o755)

    def start(script: str, *, is_shell: bool = True, **settings: str) -> Program:
        usual = {
            "PATH": f"{installed.parent}:{os.environ['PATH']}",
            "SIDECAR_SOCKET": str(tmp_path / "run" / "sidecar.sock"),
            "SIDECAR_SOCKET_GROUP": str(os.getegid()),
            "SIDECAR_TCP": "off",
            "SIDECAR_LOG_FILE": str(tmp_path / "sidecar.log"),
            KIND: "simple",
            USER: pwd.getpwuid(os.geteuid()).pw_name,
        }
        command = ["sh", "-c", script] if is_shell else [script]
        return launch(*MAIN, "beside", *command, settings=usual | settings, stdout=subprocess.PIPE)

    return start


@pytest.fixture
def log(tmp_path: Path) -> Callable[[], str]:
    path = tmp_path / "sidecar.log"
    return lambda: path.read_text() if path.exists() else ""


def sidecar_of(tmp_path: Path, *, after: int = 0) -> int:
    """Wait until one serves that is not the one before, and return its process id."""
    found = after

    def is_served() -> bool:
        nonlocal found
        with socket.socket(socket.AF_UNIX) as sock, suppress(OSError):
            sock.connect(str(tmp_path / "run" / "sidecar.sock"))
            sock.sendall(b'{"action":"ping"}\n')
            if sock.recv(1):
                found, *_ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return found != after

    wait_until(is_served)
    return found


def test_the_program_runs_with_its_own_environment_and_its_status_is_ours(start: Start) -> None:
    program = start("env; exit 7")
    said = read_to_end(program.stdout).decode()
    assert program.wait() == 7
    names = {line.partition("=")[0] for line in said.splitlines()}
    assert "PATH" in names
    assert {name for name in names if name.startswith(("SIDECAR_", "OPENAI_"))} == {"SIDECAR_ENV_FILE"}


def test_the_program_ignores_no_signal_that_python_does(start: Start) -> None:
    """`yes | head` in a program of PHP's would never end."""
    said = read_to_end(start("exec grep SigIgn /proc/self/status").stdout).decode()
    ignored = int(said.split()[1], 16)
    assert not [name for name in ("SIGPIPE", "SIGXFSZ") if ignored >> (signal.Signals[name] - 1) & 1]


def test_a_program_that_is_not_there_ends_with_127(start: Start) -> None:
    program = start("no-such-program", is_shell=False)
    assert program.wait() == 127
    assert "no-such-program: No such file or directory" in program.said


def test_signals_are_passed_on_and_the_end_of_one_is_that_of_both(
    start: Start, log: Callable[[], str], tmp_path: Path
) -> None:
    program = start("trap 'echo again' HUP; trap 'echo end; exit 3' WINCH; while :; do sleep 0.05; done")
    sidecar = sidecar_of(tmp_path)
    program.signal(signal.SIGHUP)
    assert program.stdout.readline() == b"again\n"
    program.signal(signal.SIGWINCH)
    assert program.stdout.readline() == b"end\n"
    assert program.wait() == 3
    assert "ending" in log().splitlines()[-1]
    with pytest.raises(ProcessLookupError):
        os.kill(sidecar, 0)


def test_a_second_signal_ends_the_sidecar_at_once(start: Start, log: Callable[[], str], tmp_path: Path) -> None:
    program = start("exec sleep 60")
    sidecar_of(tmp_path)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(tmp_path / "run" / "sidecar.sock"))
        sock.sendall(b'{"action":"chat","content":"What is a prime?","stream":true}\n')
        assert b'"start"' in sock.recv(4096)
        program.signal()
        wait_until(lambda: "draining" in log())
        status, seconds = program.end()
    assert status == 128 + signal.SIGTERM
    assert seconds < 6  # a drain takes eight
    assert "SIGTERM again: ending at once" in log()


def test_where_the_program_ends_at_once_running_answers_still_have_their_time(
    start: Start, log: Callable[[], str], tmp_path: Path
) -> None:
    program = start("trap 'exit 0' TERM; while :; do sleep 0.05; done")
    sidecar_of(tmp_path)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(tmp_path / "run" / "sidecar.sock"))
        sock.sendall(b'{"action":"chat","content":"What is a prime?","stream":true}\n')
        lines = sock.makefile()
        assert '"start"' in lines.readline()
        program.signal()
        assert '"done"' in lines.readlines()[-1]
    assert program.wait() == 0
    assert "again" not in log()


def test_a_program_that_a_signal_ends_gives_128_and_its_number(start: Start, tmp_path: Path) -> None:
    program = start("exec sleep 60")
    sidecar_of(tmp_path)
    assert program.end(signal.SIGTERM)[0] == 128 + signal.SIGTERM


def test_the_program_may_send_signals_to_its_own_group(start: Start, tmp_path: Path) -> None:
    """Apache does, at its end; the sidecar would take it for a second signal and cut its streams off."""
    program = start("trap 'exit 5' TERM; sleep 0.3; kill -TERM 0; sleep 5")
    assert program.wait() == 5


def test_a_killed_sidecar_is_started_again_at_once_and_then_later(
    start: Start, log: Callable[[], str], tmp_path: Path
) -> None:
    program = start("exec sleep 60")
    first = sidecar_of(tmp_path)
    os.kill(first, signal.SIGKILL)
    program.wait_said("the sidecar has ended by signal 9; next start now")
    os.kill(sidecar_of(tmp_path, after=first), signal.SIGKILL)
    program.wait_said("the sidecar has ended by signal 9; next start in 1 s")
    assert log().count("the sidecar has ended by signal 9") == 2


def test_one_that_may_not_start_is_tried_again_and_the_program_runs(
    start: Start, log: Callable[[], str], tmp_path: Path
) -> None:
    program = start("echo here; exec sleep 60", SIDECAR_SOCKET_GROUP="nobody-here", SIDECAR_LOG_FILE="")
    assert program.stdout.readline() == b"here\n"
    program.wait_said(r"the sidecar was not started: there is no group nobody-here .*; next start now")
    program.wait_said(r"the sidecar was not started: .*; next start in 1 s")
    assert log() == ""


def test_why_it_did_not_start_stands_in_its_log(start: Start, log: Callable[[], str]) -> None:
    program = start("exec sleep 60", SIDECAR_DRAIN_SECONDS="many")
    program.wait_said("the sidecar has ended with status 78; next start in 1 s")
    assert "SIDECAR_DRAIN_SECONDS must be" in log()
    assert "the sidecar has ended with status 78; next start now" in log()


def test_a_log_that_cannot_be_opened_is_said(start: Start, tmp_path: Path) -> None:
    program = start("exec sleep 60", SIDECAR_LOG_FILE=str(tmp_path))
    program.wait_said("the sidecar was not started: .*Is a directory")


def test_a_long_log_is_rotated_and_goes_on(start: Start, log: Callable[[], str], tmp_path: Path) -> None:
    with (tmp_path / "sidecar.log").open("wb") as file:
        file.truncate(10 * 1024 * 1024 + 1)
    program = start("trap '' USR1; exec sleep 60")
    sidecar_of(tmp_path)
    program.signal(signal.SIGUSR1)  # after each signal it looks
    wait_until((tmp_path / "sidecar.log.1").exists)
    program.end()
    assert (tmp_path / "sidecar.log.1").stat().st_size > 10 * 1024 * 1024
    assert log().splitlines()[-1].endswith("ending")
