"""G9 and G10: how long a start takes, against what Python itself needs for as much."""

import os
import select
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.figures import is_calibrated, ratios
from bench.plan import Plan
from bench.report import Row, progress
from bench.rig import Rig, StartFailed, ending, wait_until_listening
from bench.wire import FrameReader, TokenCounter, write_frame

_NOOP = "import asyncio\nasync def noop(): pass\nasyncio.run(noop())"
_IMPORT_SSL = "import ssl"
_PACKAGES = "import anyio, httptools, msgspec\nasync def noop(): pass\nanyio.run(noop)"

_PATIENCE_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """A start to be timed, and the script that it is compared with."""

    row: str
    what: str
    goal: float
    time: Callable[[Rig], float]
    """In seconds."""
    baseline: str


def listening(rig: Rig, plan: Plan) -> list[Row]:
    """G9: from the start of the process until its socket takes connections."""
    what = "start to listening / asyncio.run(noop)"
    return _compare(rig, plan, _Start(row="G9", what=what, goal=2.2, time=_time_listening, baseline=_NOOP))


def one_shot(rig: Rig, plan: Plan) -> list[Row]:
    """G10: from the start of `stdio` until its one request is with the provider; and how much of it is the packages."""
    what = 'stdio: start to the request at the provider / "import ssl"'
    packages = "stdio: the same / anyio.run(noop), httptools and msgspec"
    return [
        row
        for start in (
            _Start(row="G10", what=what, goal=3.0, time=_time_one_shot, baseline=_IMPORT_SSL),
            _Start(row="G10 ours", what=packages, goal=1.4, time=_time_one_shot, baseline=_PACKAGES),
        )
        for row in _compare(rig, plan, start)
    ]


def _compare(rig: Rig, plan: Plan, start: _Start) -> list[Row]:
    start.time(rig)  # whoever comes first compiles the sources, and reads all from the disk
    _time_script(rig, start.baseline)
    starts, baselines, again = list[float](), list[float](), list[float]()
    for number in range(plan.rounds):
        progress(f"round {number + 1} of {plan.rounds}: {plan.starts} starts for {start.row}")
        seconds = [
            (start.time(rig), _time_script(rig, start.baseline), _time_script(rig, start.baseline))
            for _ in range(plan.starts)
        ]
        for found, into in zip(zip(*seconds, strict=True), (starts, baselines, again), strict=True):
            into.append(median(found))
    same = ratios(again, baselines)
    return [
        Row(
            name=start.row,
            what=start.what,
            values=ratios(starts, baselines),
            goal=start.goal,
            details=[f"{median(starts) * 1000:.0f} ms against {median(baselines) * 1000:.0f} ms"],
            doubts=[] if is_calibrated(same) else [f"the baseline differs from itself by {median(same):.2f} x"],
        )
    ]


def _time_script(rig: Rig, script: str) -> float:
    began = time.monotonic()
    started = rig.spawn(("-c", script))
    with ending(started):
        return _await_end(started) - began


def _await_end(started: "subprocess.Popen[bytes]") -> float:
    """Return when it ended. Not by its own `wait`, which with a time limit looks every 32 ms or 50."""
    fd = os.pidfd_open(started.pid)
    try:
        if not select.select([fd], [], [], _PATIENCE_SECONDS)[0]:
            raise StartFailed(f"{started.args!r} did not end.")
        return time.monotonic()
    finally:
        os.close(fd)


def _time_listening(rig: Rig) -> float:
    path = rig.new_path()
    began = time.monotonic()
    started = rig.spawn(("-m", "sidecar", "serve"), rig.settings(path))
    with ending(started):
        wait_until_listening(path, started)
        return time.monotonic() - began


def _time_one_shot(rig: Rig) -> float:
    began = time.monotonic()
    started = rig.spawn(("-m", "sidecar", "stdio"), rig.settings("off"), pipes=True)
    with ending(started):
        assert started.stdin is not None
        started.stdin.write(write_frame("0x5"))
        started.stdin.flush()
        # The text of a token says when the provider wrote it, by the same clock.
        return _first_token(started) / 1e6 - began


def _first_token(started: "subprocess.Popen[bytes]") -> int:
    """Return when the first token was written, in microseconds."""
    assert started.stdout is not None
    reader, tokens, came = FrameReader(), TokenCounter(), b""
    while not (times := tokens.take(reader.feed(came))):
        is_ready, _, _ = select.select([started.stdout], [], [], _PATIENCE_SECONDS)
        came = os.read(started.stdout.fileno(), 65536) if is_ready else b""
        if not came or reader.end is not None:
            raise StartFailed(f"stdio gave no token, but {reader.end or 'nothing more'}.")
    return times[0]
