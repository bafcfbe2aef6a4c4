"""bench/procfs.py, on this process and on a child that is busy."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from bench import procfs

_BUSY = "import time\nprint(flush=True)\nend = time.monotonic() + 20\nwhile time.monotonic() < end: pass"


@pytest.fixture
def busy_child() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", _BUSY], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            yield child.pid
        finally:
            child.kill()


def test_schedstat_is_running_waiting_and_slices() -> None:
    assert procfs.parse_schedstat("334850630 5781455 46\n") == (334850630, 5781455)
    with pytest.raises(ValueError, match="unpack"):
        procfs.parse_schedstat("1 2\n")


def test_what_was_taken_is_the_difference_of_every_thread() -> None:
    before = {1: procfs.Time(100, 10), 2: procfs.Time(50, 5)}
    after = {1: procfs.Time(150, 12), 3: procfs.Time(7, 1)}
    assert procfs.between(before, after) == (57, 3)
    assert procfs.between({}, {}) == (0, 0)


def test_a_busy_child_is_seen_to_take_time_as_our_own() -> None:
    mine = os.getpid()
    before, began = procfs.read_times(mine), time.process_time_ns()
    while time.process_time_ns() - began < 100_000_000:
        pass
    assert 50_000_000 < procfs.between(before, procfs.read_times(mine)).running < 2_000_000_000


def test_children_are_counted(busy_child: int) -> None:
    assert busy_child in procfs.family(os.getpid())
    assert procfs.family(busy_child) == [busy_child]
    before = procfs.read_times(busy_child)
    deadline = time.monotonic() + 10
    while procfs.between(before, procfs.read_times(busy_child)).running < 10_000_000:
        assert time.monotonic() < deadline


def test_waiting_for_a_busy_process_ends_in_time(busy_child: int) -> None:
    began = time.monotonic()
    procfs.wait_until_idle([busy_child], seconds=0.3)
    assert 0.2 < time.monotonic() - began < 5


def test_memory_and_descriptors_are_known() -> None:
    before = procfs.open_descriptors(os.getpid())
    assert before is not None
    with open(os.devnull):
        assert procfs.open_descriptors(os.getpid()) == before + 1
    assert procfs.memory_bytes(os.getpid()) > 1024 * 1024
