"""What can be seen of the end only where something hangs, and what settings become. The rest is in tests/e2e."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from sidecar.assembly import session_limits
from sidecar.settings import load_settings
from tests.e2e.program import PATIENCE_SECONDS, Program, environment

# A provider that waits for a thread which nothing can cancel, as a look-up of a name does.
HANGING = """
import sys, time
import anyio.to_thread
from sidecar.cli import main
from sidecar.providers import demo

async def hang(prompt):
    await anyio.to_thread.run_sync(time.sleep, 60)

demo._write = hang
sys.exit(main(sys.argv[1:]))
"""


def test_what_hangs_does_not_hold_the_end_up(tmp_path: Path) -> None:
    program = Program(
        [sys.executable, "-c", HANGING, "stdio"],
        cwd=tmp_path,
        env=environment(SIDECAR_DRAIN_SECONDS="0.1"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    program.stdin.write(b'{"action":"chat","id":"1","content":"Hi","stream":true}\n')
    program.stdin.flush()
    assert program.stdout.readline().startswith(b'{"event":"start"')
    status, seconds = program.end()
    assert program.stdout.readline().startswith(b'{"event":"error","id":"1","code":"draining"')
    assert status == 70
    assert seconds < 10  # what hangs does so for 60
    program.close()


def test_the_hard_end_comes_when_it_was_promised() -> None:
    script = "import time; from sidecar.app import end_hard_after; end_hard_after(0.1, 71); time.sleep(60)"
    began = time.monotonic()
    ran = subprocess.run([sys.executable, "-c", script], env=environment(), timeout=PATIENCE_SECONDS, check=False)
    assert ran.returncode == 71
    assert time.monotonic() - began >= 0.1


def test_sockets_have_limits_of_time_and_a_parent_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(overrides={"SIDECAR_READ_SECONDS": "7", "SIDECAR_IDLE_SECONDS": "8"})

    limits = session_limits(settings)
    assert (limits.read_seconds, limits.idle_seconds) == (7, 8)
    limits = session_limits(settings, is_child=True)
    assert (limits.read_seconds, limits.idle_seconds) == (None, None)
    assert limits.max_payload_bytes == settings.limits.max_payload_bytes
