"""G13: what it costs that a whole class reads one summary, beside as many answers of their own."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from statistics import median

from bench import procfs
from bench.figures import ratios
from bench.load import Connection, Tally, Target, connect
from bench.plan import Plan
from bench.report import Row, progress
from bench.rig import Rig
from bench.wire import write_frame, write_summary

_RATE = 50
_PATIENCE_SECONDS = 60.0


class Wave:
    """Readers who ask at once and read to the end; what they cost and what came."""

    def __init__(self) -> None:
        self.cpu_ns = 0
        self.paid = 0
        self.failures: list[str] = []

    async def run(self, target: Target, readers: int, tokens: int, write: Callable[[str], bytes]) -> "Wave":
        """Have so many ask for the same, each on a connection of its own."""
        procfs.wait_until_idle([target.pid], seconds=5)
        before = procfs.read_times(target.pid)
        tally = Tally()
        connections = [await connect(target, tally) for _ in range(readers)]
        request, asked_at = write(f"{_RATE}x{tokens}"), time.monotonic_ns() // 1000
        async with asyncio.timeout(_PATIENCE_SECONDS):
            ends = await asyncio.gather(*(connection.ask(request, asked_at=asked_at) for connection in connections))
        self.cpu_ns = procfs.between(before, procfs.read_times(target.pid)).running
        self.paid = sum(not connection.is_shared for connection in connections)
        self.failures = [_explain(connection, end, tokens) for connection, end in zip(connections, ends, strict=True)]
        for connection in connections:
            connection.transport.abort()
        await asyncio.sleep(0)
        return self


async def readers_of_one(rig: Rig, plan: Plan) -> list[Row]:
    """G13: CPU of 200 readers of one summary beside that of 200 chats, and how many calls were paid for."""
    shared, own, failures, paid = list[float](), list[float](), set[str](), list[int]()
    with rig.sidecar() as sidecar:
        await Wave().run(sidecar, 5, 5, write_frame)  # all is imported, and connections to the provider are open
        for number in range(plan.rounds):
            progress(
                f"round {number + 1} of {plan.rounds}: {plan.readers} readers of one summary, and of as many chats"
            )
            write = partial(write_summary, text=f"Text {number}.")  # else it would be the one that was kept
            together = await Wave().run(sidecar, plan.readers, plan.reply_tokens, write)
            apart = await Wave().run(sidecar, plan.readers, plan.reply_tokens, write_frame)
            shared.append(together.cpu_ns)
            own.append(apart.cpu_ns)
            paid.append(together.paid)
            failures |= {failure for failure in together.failures + apart.failures if failure}
    if set(paid) != {1}:
        failures.add(f"calls that were paid for: {paid}")
    tokens = plan.readers * plan.reply_tokens
    return [
        Row(
            name="G13",
            what=f"CPU, {plan.readers} readers of one summary / {plan.readers} chats",
            values=ratios(shared, own),
            goal=0.5,
            details=[
                f"{max(paid)} call is paid for, every reader gets all {plan.reply_tokens} tokens in order; "
                f"{median(shared) / tokens / 1000:.0f} and {median(own) / tokens / 1000:.0f} us/token"
            ],
            failures=sorted(failures),
        )
    ]


def _explain(connection: Connection, end: str, tokens: int) -> str:
    if end != "done":
        return end
    return "" if connection.has_all(tokens) else "tokens missing or out of order"
