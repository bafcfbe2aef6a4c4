"""What is measured: each group of rows is set up, measured and torn down together."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from bench.plan import Plan
from bench.report import Row
from bench.rig import Rig
from bench.rows import memory, php, sharing, starting, streaming

Group = Callable[[Rig, Plan], list[Row] | Awaitable[list[Row]]]

GROUPS: Mapping[tuple[str, ...], Group] = MappingProxyType(
    {
        ("G1", "G3"): streaming.tokens,
        ("G2", "G4"): streaming.growth,
        ("G5",): php.first_token,
        ("G7",): php.after_silence,
        ("G8",): streaming.churn,
        ("G9",): starting.listening,
        ("G10",): starting.one_shot,
        ("G11",): memory.streams,
        ("G12",): memory.leaks,
        ("G13",): sharing.readers_of_one,
    }
)
"""By the names of their rows."""

NAMES = tuple(name for names in GROUPS for name in names)


async def measure_group(group: Group, rig: Rig, plan: Plan) -> list[Row]:
    """Measure one of `GROUPS`."""
    rows = group(rig, plan)
    return await rows if inspect.isawaitable(rows) else rows
