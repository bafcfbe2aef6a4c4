"""G11 and G12: what a stream takes, what a client costs that does not read, and whether anything is left behind."""

import asyncio

from bench import procfs
from bench.figures import slope
from bench.load import Load, Tally, Target, connect, run_load
from bench.plan import Plan
from bench.report import Row, progress
from bench.rig import Rig

_KIB = 1024
_MIB = 1024 * 1024

_SLOW_CLIENTS = 4

# After the start and before the first measurement: all is imported and the pools have what they keep.
_WARM_UP = Load(streams=5, rate=0, tokens=5, seconds=0.3)

_DRAIN_SECONDS = 60.0
_SAMPLES = 20


async def streams(rig: Rig, plan: Plan) -> list[Row]:
    """G11: memory of each active stream, and of each client that asks and does not read."""
    each, slow, failures = [], [], set()
    load = Load(streams=plan.streams, rate=20, tokens=plan.reply_tokens * 20 // 50, seconds=plan.window_seconds)
    for number in range(plan.memory_rounds):
        progress(f"round {number + 1} of {plan.memory_rounds}: memory")
        # A process that has served as much before would show no growth.
        with rig.sidecar() as sidecar:
            await run_load(sidecar, _WARM_UP)
            tally = await run_load(sidecar, load)
            each.append((tally.memory_during - tally.memory_before) / load.streams / _KIB)
            failures |= set(tally.errors)
        with rig.sidecar() as sidecar:
            await run_load(sidecar, _WARM_UP)
            growth, ends = await _stall(sidecar, plan)
            slow.append(growth / _SLOW_CLIENTS / _MIB)
            failures |= ends
    settings = f"{_SLOW_CLIENTS} clients ask for {plan.unread_tokens} tokens and wait for {plan.unread_seconds:.1f} s"
    return [
        Row(name="G11", what=f"memory of each of {load.streams} active streams", values=each, goal=96, unit="KiB",
            failures=sorted(failures)),
        Row(name="G11 stall", what="memory of each client that does not read", values=slow, goal=2, unit="MiB",
            details=[settings], failures=sorted(failures)),
    ]  # fmt: skip


async def _stall(target: Target, plan: Plan) -> tuple[int, set[str]]:
    """Return by how many bytes the target grew for clients that do not read, and how their replies failed."""
    tally, request = Tally(), target.dialect.write(f"0x{plan.unread_tokens}")
    before = procfs.memory_bytes(target.pid)
    async with asyncio.timeout(_DRAIN_SECONDS):
        connections = [await connect(target, tally) for _ in range(_SLOW_CLIENTS)]
        ended = [connection.ask(request, asked_at=0) for connection in connections]
        for connection in connections:
            connection.transport.pause_reading()
        await asyncio.sleep(plan.unread_seconds)
        growth = procfs.memory_bytes(target.pid) - before
        for connection in connections:
            connection.transport.resume_reading()
        ends = await asyncio.gather(*ended)
    for connection in connections:
        connection.transport.abort()
    return growth, {
        f"a client that read late got {connection.tokens} of {plan.unread_tokens} tokens, then: {end}"
        for connection, end in zip(connections, ends, strict=True)
        if end != "done" or not connection.has_all(plan.unread_tokens)
    }


async def leaks(rig: Rig, plan: Plan) -> list[Row]:
    """G12, in short: growth with each request, when some clients leave and some replies are cut."""
    load = Load(streams=20, rate=0, tokens=5, seconds=plan.leak_seconds, leave_every=50, cut_every=200)
    with rig.sidecar() as sidecar:
        await run_load(sidecar, Load(streams=20, rate=0, tokens=5, seconds=plan.leak_seconds / 6))
        descriptors = procfs.open_descriptors(sidecar.pid)
        progress(f"memory over {plan.leak_seconds:.0f} s of short replies")
        tally, points = Tally(), list[tuple[float, float]]()
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(run_load(sidecar, load, tally=tally))
            while not running.done():
                await asyncio.wait([running], timeout=plan.leak_seconds / _SAMPLES)
                points.append((tally.requests, procfs.memory_bytes(sidecar.pid)))
        procfs.wait_until_idle([sidecar.pid], seconds=5)
        left = procfs.open_descriptors(sidecar.pid)
    settled = points[len(points) // 5 :]
    return [
        Row(
            name="G12 short",
            what=f"memory left by each of {tally.requests} requests",
            values=[slope(settled)],
            goal=10,
            unit="B",
            details=[f"descriptors {descriptors} before, {left} after; 1 client in 50 leaves, 1 reply in 200 is cut"],
            failures=[f"{count} x {error}" for error, count in tally.errors.most_common(3)],
        )
    ]
