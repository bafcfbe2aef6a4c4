"""The command line of the benchmark: scripts/bench runs it."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from bench.plan import FULL, QUICK, Plan
from bench.report import Report, Row, describe_machine, progress
from bench.rig import StartFailed, set_up
from bench.rows import GROUPS, NAMES, measure_group

_EPILOG = """\
Rows: G1 and G3 (CPU and latency of a token), G2 and G4 (many streams), G5 and G7 (PHP's first token, also after a
minute of silence), G8 (short replies), G9 (start), G10 (stdio, one request), G11 (memory), G12 (leaks, a short form),
G13 (sharing). Without any: all, in about ten minutes; with --quick in one. Figures hold within one run only.
bench/README.md says how to read them.

Exit status: 0, also when goals are not reached. With --gate 1 when one is not, 2 when of one it cannot be said.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return the exit status."""
    chosen = _parse(arguments)
    plan = QUICK if chosen.quick else FULL
    began = time.monotonic()
    try:
        rows = uvloop.run(_measure(plan, set(chosen.rows), chosen.python))
    except StartFailed as exc:
        progress(str(exc))
        return 70
    except KeyboardInterrupt:
        return 130
    report = Report(rows=rows, seconds=time.monotonic() - began, machine=describe_machine(chosen.python))
    sys.stdout.write(report.render())
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")
    return report.gate_status if chosen.gate else 0


async def _measure(plan: Plan, names: set[str], python: str) -> list[Row]:
    found: list[Row] = []
    with set_up(python) as rig:
        for group_names, group in GROUPS.items():
            if not names or names & set(group_names):
                found += await measure_group(group, rig, plan)
    return found


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure the sidecar against references, side by side in one run.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"one of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, shorter: to see that all works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE, too")
    parser.add_argument("--gate", action="store_true", help="let the exit status say whether all goals are reached")
    parser.add_argument("--python", default=sys.executable, metavar="FILE", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    for name in chosen.rows:
        if name not in NAMES:
            parser.error(f"there is no row {name!r}: {', '.join(NAMES)}")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
