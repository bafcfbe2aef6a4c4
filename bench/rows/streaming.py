"""G1, G2, G3, G4, G8: what tokens and requests cost, how late they come, and how many at once."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from statistics import median

from bench import procfs
from bench.figures import is_calibrated, percentile, ratios, short
from bench.load import Load, Tally, Target, run_load
from bench.plan import Plan
from bench.report import Row, progress
from bench.rig import Rig

# From here on the stand-in may be what limits a run.
_MAX_PROVIDER_SHARE = 0.6

# Provider and load share a core.
_MAX_RIG_SHARE = 0.9

# A target that waits longer for its core than this share of the time is measured together with what else runs there.
_MAX_WAITED = 0.1

# A latency that is added in less time than this is noise, and no denominator.
_LEAST_ADDED_US = 5.0


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure in every round."""

    target: Target
    load: Load


class Rounds:
    """What was seen, by case and round."""

    def __init__(self, cases: Mapping[str, Case], tallies: Mapping[str, Sequence[Tally]]) -> None:
        self._cases = cases
        self._tallies = tallies

    def cpu_per_token(self, name: str) -> list[float]:
        """Return nanoseconds, of each round; 0 where nothing came."""
        process = self._cases[name].target.name
        return [tally.cpu_ns[process] / tally.tokens if tally.tokens else 0.0 for tally in self._tallies[name]]

    def cpu_per_request(self, name: str) -> list[float]:
        process = self._cases[name].target.name
        return [tally.cpu_ns[process] / tally.requests if tally.requests else 0.0 for tally in self._tallies[name]]

    def latency(self, name: str) -> list[float]:
        """Return the median one-way latency of each round, in microseconds."""
        return [percentile(tally.latencies_us, 0.5) for tally in self._tallies[name]]

    def first_token(self, name: str) -> list[float]:
        return [percentile(tally.first_tokens_us, 0.5) for tally in self._tallies[name]]

    def worst(self, name: str, share: float = 0.99) -> float:
        return median(percentile(tally.latencies_us, share) for tally in self._tallies[name])

    def is_saturated(self, name: str) -> bool:
        """Say whether a case delivered less than 95 % of what was offered, in most rounds."""
        offered = self._cases[name].load.offered
        late = sum(tally.is_saturated(offered) for tally in self._tallies[name])
        return late * 2 > len(self._tallies[name])

    def pace(self, name: str) -> list[float]:
        """Return the tokens a second of each round."""
        return [tally.tokens / tally.seconds for tally in self._tallies[name]]

    def delivered(self, name: str) -> float:
        """Return the share of the offered tokens that came."""
        offered = self._cases[name].load.offered or float("nan")
        return median(tally.tokens / tally.seconds / offered for tally in self._tallies[name])

    def waited(self, name: str) -> float:
        """Return for how much of the time others had the core that a case needed."""
        return median(tally.waited for tally in self._tallies[name])

    def failures(self, name: str) -> list[str]:
        """Return what went wrong in a case by its own fault, one line each."""
        found = [f"{name}: {error}" for error in self._errors(name)]
        if self.is_saturated(name) and self.waited(name) <= _MAX_WAITED:
            found.append(f"{name} is saturated: it delivers {self.delivered(name):.0%} of what is offered")
        return found

    def doubts(self, same: Sequence[float], *references: str) -> list[str]:
        """Return why no goal can be judged: R is not like itself, a reference failed, or the rig was the limit.

        A saturated reference is no doubt: it is what it is, and dear.
        """
        found = [] if is_calibrated(same) else [f"R differs from itself by {median(same):.2f} x: the machine is busy"]
        found += [f"{name}: {error}" for name in references for error in self._errors(name)]
        for name, tallies in self._tallies.items():
            provider = median(tally.share("provider") for tally in tallies)
            rig = median(tally.share("load") for tally in tallies) + provider
            is_paced = self._cases[name].load.offered is not None  # else something has to be the limit
            if is_paced and (provider > _MAX_PROVIDER_SHARE or rig > _MAX_RIG_SHARE):
                found.append(f"with {name} the stand-in takes {provider:.0%} of its core, with the load {rig:.0%}")
            if self.is_saturated(name) and self.waited(name) > _MAX_WAITED:
                found.append(f"{name} delivers {self.delivered(name):.0%} of what is offered, but {self._crowd(name)}")
        return found

    def late_doubts(self, *names: str) -> list[str]:
        """Return why latencies mean nothing, beside what `doubts` says."""
        return [f"with {name} {self._crowd(name)}" for name in names if self.waited(name) > _MAX_WAITED]

    def _crowd(self, name: str) -> str:
        return f"other processes have its core for {self.waited(name):.0%} of the time"

    def _errors(self, name: str) -> list[str]:
        errors = sum((tally.errors for tally in self._tallies[name]), Counter[str]())
        return [f"{count} x {error}" for error, count in errors.most_common(3)]

    def describe(self, *names: str) -> str:
        """Return the absolute figures, for people."""
        return "; ".join(
            f"{name} {median(self.cpu_per_token(name)) / 1000:.0f} us/token, one-way p50 "
            f"{median(self.latency(name)):.0f} p99 {self.worst(name):.0f} us, first token "
            f"{short(median(self.first_token(name)) / 1000)} ms"
            for name in names
        )


async def measure(rig: Rig, cases: Mapping[str, Case], rounds: int) -> Rounds:
    """Measure all cases in every round, each time in another order."""
    tallies: dict[str, list[Tally]] = {name: [] for name in cases}
    order = random.Random(3)
    for number in range(rounds):
        for name in order.sample(list(cases), len(cases)):
            case = cases[name]
            progress(f"round {number + 1} of {rounds}: {name}, {case.load.streams} x {case.load.tokens} tokens")
            # What the one before has left behind must not be paid for by this one.
            procfs.wait_until_idle([case.target.pid for case in cases.values()], seconds=5)
            tallies[name].append(await run_load(case.target, case.load, watched=rig.watched))
    return Rounds(cases, tallies)


async def tokens(rig: Rig, plan: Plan) -> list[Row]:
    """G1: CPU time for each token. G3: how much later it comes."""
    load = Load(streams=plan.streams, rate=50, tokens=plan.reply_tokens, seconds=plan.window_seconds)
    long_load = replace(load, tokens=4 * load.tokens)
    with ExitStack() as running:
        relay = running.enter_context(rig.relay())
        sidecar = running.enter_context(rig.sidecar())
        cases = {
            "D": Case(rig.direct(), load),
            "R": Case(relay, load),
            "R again": Case(relay, load),
            "P": Case(running.enter_context(rig.naive()), load),
            "S": Case(sidecar, load),
            "S long": Case(sidecar, long_load),
        }
        seen = await measure(rig, cases, plan.rounds)
    title = f"CPU/token, {load.streams} x {load.rate} tok/s, TLS"
    cost = seen.cpu_per_token
    doubts = seen.doubts(ratios(cost("R again"), cost("R")), "R", "P")
    late_doubts = seen.doubts(ratios(seen.latency("R again"), seen.latency("R")), "D", "R")
    late_doubts += seen.late_doubts("D", "R", "S")
    if not rig.has_two_cores:
        late_doubts.append("there is one core only")
    details = [seen.describe("R", "S"), seen.describe("P", "D")]
    if seen.is_saturated("P"):
        details.append(f"P is saturated: {seen.delivered('P'):.0%} of what is offered")
    failures = seen.failures("S")
    return [
        Row(name="G1", what=f"{title}: S / R", values=ratios(cost("S"), cost("R")), goal=3.0, details=details,
            doubts=doubts, failures=failures),
        Row(name="G1 long", what=f"the same with replies of {long_load.tokens} tokens, not {load.tokens}",
            values=ratios(cost("S long"), cost("R")), goal=3.0, details=[seen.describe("S long")], doubts=doubts,
            failures=seen.failures("S long")),
        Row(name="G1 naive", what=f"{title}: S / P", values=ratios(cost("S"), cost("P")), goal=1 / 3, doubts=doubts,
            failures=failures),
        Row(name="G3", what="one-way latency p50 of these: (S - D) / (R - D)", values=_added(seen), goal=2.0,
            doubts=late_doubts, failures=failures),
    ]  # fmt: skip


def _added(seen: Rounds) -> list[float]:
    return [
        (sidecar - direct) / max(relay - direct, _LEAST_ADDED_US)
        for direct, relay, sidecar in zip(seen.latency("D"), seen.latency("R"), seen.latency("S"), strict=True)
    ]


async def growth(rig: Rig, plan: Plan) -> list[Row]:
    """G2: whether a token of many streams costs more than one of few. G4: whether all of them come."""
    few = Load(streams=plan.streams, rate=20, tokens=plan.reply_tokens * 20 // 50, seconds=plan.window_seconds)
    many = Load(streams=plan.many_streams, rate=20, tokens=few.tokens, seconds=plan.window_seconds)
    long_many = replace(many, tokens=8 * many.tokens)
    # Two sidecars: what many streams leave behind in one, such as idle connections, is no part of what few cost.
    with rig.relay() as relay, rig.sidecar() as sidecar, rig.sidecar() as large_sidecar:
        cases = {
            "R": Case(relay, few),
            "R again": Case(relay, few),
            "R many": Case(relay, many),
            "S": Case(sidecar, few),
            "S many": Case(large_sidecar, many),
            "S many, long": Case(large_sidecar, long_many),
        }
        seen = await measure(rig, cases, plan.rounds)
    cost = seen.cpu_per_token
    relay_growth = median(ratios(cost("R many"), cost("R")) or [float("nan")])
    doubts = seen.doubts(ratios(cost("R again"), cost("R")), "R", "R many")
    return [
        Row(
            name="G2",
            what=f"CPU/token at 20 tok/s: S with {many.streams} / {few.streams} streams",
            values=ratios(cost("S many"), cost("S")),
            goal=1.2,
            details=[seen.describe("S", "S many"), f"R grows by {relay_growth:.2f} x"],
            doubts=doubts,
            failures=seen.failures("S") + seen.failures("S many"),
        ),
        Row(
            name="G4",
            what=f"tokens/s of {many.streams} streams at 20 tok/s on one core: R / S",
            values=ratios(seen.pace("R many"), seen.pace("S many")),
            goal=1 / 0.9,
            details=[f"of what is offered come R {seen.delivered('R many'):.1%}, S {seen.delivered('S many'):.1%}"],
            doubts=doubts,
            failures=seen.failures("S many"),
        ),
        Row(
            name="G4 long",
            what=f"the same with replies of {long_many.tokens} tokens, not {many.tokens}",
            values=ratios(seen.pace("R many"), seen.pace("S many, long")),
            goal=1 / 0.9,
            details=[
                f"of what is offered come {seen.delivered('S many, long'):.1%}",
                seen.describe("S many, long"),
            ],
            doubts=doubts,
            failures=seen.failures("S many, long"),
        ),
    ]


async def churn(rig: Rig, plan: Plan) -> list[Row]:
    """G8: what a request costs whose reply is short."""
    load = Load(streams=20, rate=0, tokens=5, seconds=plan.window_seconds)
    with rig.relay() as relay, rig.naive() as naive, rig.sidecar() as sidecar:
        cases = {"R": Case(relay, load), "R again": Case(relay, load), "P": Case(naive, load), "S": Case(sidecar, load)}
        seen = await measure(rig, cases, plan.rounds)
    cost = seen.cpu_per_request
    absolute = ", ".join(f"{name} {median(cost(name)) / 1000:.0f}" for name in ("R", "P", "S"))
    return [
        Row(
            name="G8",
            what=f"CPU/request, {load.streams} clients, replies of {load.tokens} tokens: S / P",
            values=ratios(cost("S"), cost("P")),
            goal=1 / 8,
            details=[f"us/request: {absolute} (R copies bytes on connections that stay open)"],
            doubts=seen.doubts(ratios(cost("R again"), cost("R")), "R", "P"),
            failures=seen.failures("S"),
        )
    ]
