"""The new process between its birth and the program: real forks, of a process that has one thread only."""

import subprocess
import sys

from tests.e2e.program import PATIENCE_SECONDS, environment

# Whoever goes on behind a fork that it should not survive prints a line of its own.
SPAWN = """
import os, signal
from sidecar.beside.spawning import spawn

def fail():
    raise RuntimeError("a bug")

signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGTERM}})
_, status = os.waitpid(spawn({arguments}), 0)
print("ended with", os.waitstatus_to_exitcode(status))
"""


def spawn(arguments: str) -> tuple[str, str]:
    """Return what was said on stdout and on stderr."""
    ran = subprocess.run(
        [sys.executable, "-c", SPAWN.format(arguments=arguments)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    return ran.stdout, ran.stderr


def test_the_program_has_its_arguments_its_environment_and_its_own_end() -> None:
    arguments = """["sh", "-c", 'echo "$0, $WORD"; exit 3', "one two"], {"PATH": os.environ["PATH"], "WORD": "three"}"""
    assert spawn(arguments) == ("one two, three\nended with 3\n", "")


def test_no_signal_is_blocked_and_none_ignored_that_python_ignores() -> None:
    said, _ = spawn("""["grep", "^Sig[BI]", "/proc/self/status"], os.environ""")
    masks = {name: int(value, 16) for name, value in (line.split(":") for line in said.splitlines()[:-1])}
    assert masks["SigBlk"] == 0
    assert masks["SigIgn"] & (1 << 12 | 1 << 24) == 0, "neither SIGPIPE nor SIGXFSZ"


def test_what_cannot_be_started_says_why_and_ends_with_127() -> None:
    said = spawn("""["no-such-program"], {"PATH": "/nowhere"}""")
    assert said == ("ended with 127\n", "no-such-program: No such file or directory\n")


def test_whatever_goes_wrong_it_does_not_go_on_as_its_parent() -> None:
    assert spawn("""["true"], os.environ, fail""") == ("ended with 127\n", "")
