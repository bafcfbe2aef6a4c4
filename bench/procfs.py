"""What /proc says of a process: CPU time in nanoseconds, memory, descriptors."""

import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


class Time(NamedTuple):
    """What a thread has had of its core, in nanoseconds."""

    running: int
    waiting: int
    """It could have run, and another had the core."""


Times = dict[int, Time]
"""By thread."""


def parse_schedstat(content: str) -> Time:
    """Read a thread's schedstat: two times, and a number of slices."""
    running, waiting, _slices = content.split()
    return Time(int(running), int(waiting))


def read_times(pid: int) -> Times:
    """Return the times of every thread of the process and its descendants."""
    times = {}
    for process in family(pid):
        for path in _list(PROC / str(process) / "task"):
            try:
                times[int(path.name)] = parse_schedstat((path / "schedstat").read_text())
            except OSError:  # the thread has ended
                continue
    return times


def between(before: Times, after: Times) -> Time:
    """Return what all threads have had between two readings. What one did that ended in between is not seen."""
    none = Time(0, 0)
    return Time(
        sum(end.running - before.get(thread, none).running for thread, end in after.items()),
        sum(end.waiting - before.get(thread, none).waiting for thread, end in after.items()),
    )


def family(pid: int) -> list[int]:
    """Return the process and its descendants."""
    parents = {int(path.name): parent for path in _list(PROC) if (parent := _parent_of(path)) is not None}
    found = [pid]
    for known in found:
        found.extend(child for child, parent in parents.items() if parent == known)
    return found


def _parent_of(path: Path) -> int | None:
    if not path.name.isdigit():
        return None
    try:
        # The name of a program, in parentheses, may have anything in it.
        return int((path / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def memory_bytes(pid: int) -> int:
    """Return the proportional set size, or where we may not read it the resident one: growth is the same in both."""
    path = PROC / str(pid)
    try:
        match = re.search(r"^Pss: +(\d+) kB$", (path / "smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        match = re.search(r"^VmRSS:\s+(\d+) kB$", (path / "status").read_text(), re.MULTILINE)
    assert match is not None
    return int(match[1]) * 1024


def open_descriptors(pid: int) -> int | None:
    """Return how many there are, or None where we may not know."""
    try:
        return sum(1 for _ in (PROC / str(pid) / "fd").iterdir())
    except OSError:
        return None


def wait_until_idle(pids: Iterable[int], *, seconds: float) -> None:
    """Wait until the processes take less than a twentieth of a core, for at most `seconds`."""
    watched, pause = list(pids), 0.1
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        before = [read_times(pid) for pid in watched]
        time.sleep(pause)
        if (
            sum(between(old, read_times(pid)).running for old, pid in zip(before, watched, strict=True))
            < pause * 1e9 / 20
        ):
            return


def _list(path: Path) -> Iterator[Path]:
    try:
        yield from path.iterdir()
    except OSError:
        return
