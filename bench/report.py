"""What a run says: rows with their figures, each against its goal, as a table and as JSON."""

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from statistics import median

from bench.figures import is_missed, short


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure: a ratio, or bytes of one thing, with a goal that it must not exceed."""

    name: str
    what: str
    values: Sequence[float]
    """One of each round."""
    goal: float
    unit: str = "x"
    details: Sequence[str] = ()
    """What the figure is made of, for people: absolute values, which hold for this run only."""
    doubts: Sequence[str] = ()
    """Why the figure proves nothing: the run is INVALID in this row."""
    failures: Sequence[str] = ()
    """What went wrong in the sidecar itself: with errors, or when it cannot keep up, no goal is reached."""

    @property
    def verdict(self) -> str:
        """`reached`, `not reached`, `close` (over it, but not in so many rounds that it counts), or `INVALID`."""
        if self.doubts or not self.values:
            return "INVALID"
        if self.failures or is_missed(self.values, self.goal):
            return "not reached"
        return "reached" if median(self.values) <= self.goal else "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All rows of a run, and where it ran."""

    rows: Sequence[Row]
    seconds: float
    machine: dict[str, object] = field(default_factory=lambda: describe_machine(sys.executable))

    @property
    def gate_status(self) -> int:
        """0: every goal is reached; 1: one is not; 2: of one it cannot be said."""
        verdicts = {row.verdict for row in self.rows}
        return 1 if "not reached" in verdicts else 2 if "INVALID" in verdicts else 0

    def render(self) -> str:
        """Return the table."""
        lines = [f"{'row':<11} {'what':<58} {'median (min .. max)':<28} {'MUST':<11}", "-" * 118]
        for row in self.rows:
            goal = f"<= {short(row.goal)} {row.unit}"
            lines.append(f"{row.name:<11} {row.what:<58} {_figures(row):<28} {goal:<11} {row.verdict}")
            notes = (*row.details, *row.failures, *(f"doubt: {doubt}" for doubt in row.doubts))
            lines += [f"{'':<11} {note}" for note in notes]
        where = ", ".join(f"{name} {value}" for name, value in self.machine.items())
        lines += ["-" * 118, f"{self.seconds:.0f} s on {where}", "Compare only within one run: see bench/README.md."]
        return "\n".join(lines) + "\n"

    def as_json(self) -> dict[str, object]:
        """Return what `render` shows and every round's value."""
        rows = [
            {
                "row": row.name,
                "what": row.what,
                "unit": row.unit,
                "median": median(row.values) if row.values else None,
                "values": list(row.values),
                "goal": row.goal,
                "verdict": row.verdict,
                "details": list(row.details),
                "failures": list(row.failures),
                "doubts": list(row.doubts),
            }
            for row in self.rows
        ]
        return {"rows": rows, "seconds": self.seconds, "machine": self.machine}


def describe_machine(python: str) -> dict[str, object]:
    """Return what the figures depend on, without anything that names this machine; `python` is what was measured."""
    asked = subprocess.run([python, "--version"], capture_output=True, text=True, check=True)
    return {
        "Python": asked.stdout.split()[-1],
        "uvloop": version("uvloop"),
        "Linux": platform.release().split("-")[0],
        "cores": len(os.sched_getaffinity(0)),
        "load average": round(os.getloadavg()[0], 2),
    }


def progress(text: str) -> None:
    """Say what is being done, on stderr."""
    sys.stderr.write(f"bench: {text}\n")


def _figures(row: Row) -> str:
    if not row.values:
        return "-"
    return f"{short(median(row.values))} {row.unit} ({short(min(row.values))} .. {short(max(row.values))})"
