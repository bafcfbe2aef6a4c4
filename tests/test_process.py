"""Each in a process of its own: what is asked of the kernel here holds until the end."""

import os
import resource
import subprocess
import sys

import pytest

from sidecar import process
from tests.e2e.program import PATIENCE_SECONDS, environment


def run(script: str, *, close: tuple[int, ...] = ()) -> str:
    """Run a script of Python and return what it writes to descriptor 9."""
    redirections = " ".join(f"{fd}>&-" for fd in close)
    command = ["sh", "-c", f'exec "$@" 9>&1 {redirections}', "sh", sys.executable, "-c", script]
    ran = subprocess.run(
        command, env=environment(), input=b"", capture_output=True, timeout=PATIENCE_SECONDS, check=True
    )
    assert ran.stderr == b""
    return ran.stdout.decode()


@pytest.mark.parametrize("closed", [(), (0,), (1,), (2,), (0, 1, 2)])
def test_the_standard_descriptors_are_open(closed: tuple[int, ...]) -> None:
    script = """
import os
from sidecar import process
process.open_standard_descriptors()
places = [os.readlink(f"/proc/self/fd/{fd}") for fd in (0, 1, 2)]
inheritable = [os.get_inheritable(fd) for fd in (0, 1, 2)]
os.write(9, repr((places, inheritable)).encode())
"""
    places, inheritable = eval(run(script, close=closed))
    assert [place == os.devnull for place in places if place.startswith("/dev")] == [True] * len(closed)
    assert inheritable == [True, True, True]


def test_garbage_is_looked_for_but_seldom() -> None:
    script = """
import gc, os
from sidecar import process
looks = []
gc.callbacks.append(lambda phase, info: looks.append(phase))
process.collect_garbage_seldom()
kept = [[] for _ in range(9_000)]
before = len(looks)
kept += [[] for _ in range(9_000)]
os.write(9, repr((before, len(looks) > 0)).encode())
"""
    assert eval(run(script)) == (0, True)


def test_inspection_is_forbidden() -> None:
    script = """
import ctypes, os, resource
from sidecar import process
process.forbid_inspection()
PR_GET_DUMPABLE = 3
os.write(9, repr((ctypes.CDLL(None).prctl(PR_GET_DUMPABLE), resource.getrlimit(resource.RLIMIT_CORE))).encode())
"""
    assert eval(run(script)) == (0, (0, 0))


def test_what_the_kernel_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_PR_SET_PDEATHSIG", -1)
    with pytest.raises(OSError, match="Invalid argument"):
        process.die_with_parent()


def test_there_are_as_many_descriptors_as_there_may_be() -> None:
    script = """
import os, resource
from sidecar import process
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 128))
process.raise_file_limit()
os.write(9, repr(resource.getrlimit(resource.RLIMIT_NOFILE)).encode())
"""
    assert eval(run(script)) == (128, 128)


def test_children_leave_no_zombies() -> None:
    script = """
import os
from sidecar import process
process.leave_no_zombies()
child = os.fork()
if child:
    try:
        os.waitpid(child, 0)
    except ChildProcessError:
        os.write(9, b"True")
"""
    assert eval(run(script))


@pytest.mark.parametrize("error", [ValueError, PermissionError])
def test_a_limit_that_cannot_be_raised_stays(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(resource, "setrlimit", refuse)
    process.raise_file_limit()


@pytest.mark.parametrize("start_stays", [True, False])
def test_a_start_looks_for_no_garbage_and_is_not_looked_through_when_it_is_over(start_stays: bool) -> None:
    script = f"""
import gc, os
from sidecar import process
process.collect_garbage_seldom()
looks = []
gc.callbacks.append(lambda phase, info: looks.append(phase))
process.pause_garbage_collection()
kept = [[] for _ in range(30_000)]
process.resume_garbage_collection(start_stays={start_stays})
kept += [[] for _ in range(9_000)]
before = len(looks)
kept += [[] for _ in range(9_000)]
os.write(9, repr((before, len(looks) > 0, gc.get_freeze_count() > 30_000)).encode())
"""
    assert eval(run(script)) == (0, True, start_stays)
