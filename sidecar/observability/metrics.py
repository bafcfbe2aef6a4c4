"""What is counted while the sidecar runs. exposition.py writes it for Prometheus.

Kept in plain numbers: prometheus_client's own take 40 ms of every start to load. Names and labels are those of
OpenTelemetry's conventions for generative AI where it has some. No label can take more values than the code and the
settings have, but those of users and courses, of which a hundred are kept; a user's is a pseudonym (sidecar/usage).
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from msgspec import Struct

from protocol.messages import Usage

# As OpenTelemetry asks for.
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = tuple(float(4**power) for power in range(14))
# What the sidecar itself takes is less than a millisecond where all is well.
_OVERHEAD_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0)

Labels = tuple[str, ...]


class Histogram:
    """Values in buckets, for each combination of labels."""

    def __init__(self, name: str, about: str, labels: Labels, bounds: Iterable[float]) -> None:
        self.name = name
        self.about = about
        self.labels = labels
        self.bounds = tuple(bounds)
        self.counts: dict[Labels, list[int]] = defaultdict(lambda: [0] * (len(self.bounds) + 1))
        """How many values are in each bucket, the last of which has no bound."""
        self.sums: dict[Labels, float] = defaultdict(float)

    def observe(self, labels: Labels, value: float) -> None:
        self.counts[labels][bisect_left(self.bounds, value)] += 1
        self.sums[labels] += value


class Gauge(Struct, frozen=True):
    """Something that is looked at when it is asked for."""

    name: str
    about: str
    look: Callable[[], float]


class Sum(Struct, frozen=True):
    """Something that only grows, summed up elsewhere, for each combination of labels."""

    name: str
    about: str
    labels: Labels
    look: Callable[[], Iterable[tuple[Labels, float]]]


_GEN_AI = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "action")


class Metrics:
    """All that is counted in one process. `models`: those that have a label of their own."""

    def __init__(self, models: Iterable[str] = ()) -> None:
        self._models = frozenset(models)
        self.requests: Counter[Labels] = Counter()
        """By action and outcome: `done`, a code; where the client had left `unread`, or `left` as its reply goes on."""
        self.overhead = Histogram(
            "sidecar_overhead_seconds", "From the arrival of a request until its provider was asked.", ("action",),
            _OVERHEAD_SECONDS,
        )  # fmt: skip
        self.duration = Histogram(
            "gen_ai_client_operation_duration_seconds", "Calls to a provider, from the question to the end.",
            (*_GEN_AI, "error_type"), _SECONDS,
        )  # fmt: skip
        self.first_chunk = Histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds", "From the question to the first text.", _GEN_AI,
            _SECONDS,
        )  # fmt: skip
        self.tokens = Histogram(
            "gen_ai_client_token_usage", "Tokens of a call, where the provider counts them.",
            (*_GEN_AI, "gen_ai_token_type"), _TOKENS,
        )  # fmt: skip
        self.gauges: list[Gauge] = []
        self.sums: list[Sum] = []

    def know(self, models: Iterable[str]) -> None:
        """Give more models labels of their own."""
        self._models |= frozenset(models)

    @property
    def histograms(self) -> tuple[Histogram, ...]:
        return (self.overhead, self.duration, self.first_chunk, self.tokens)

    def watch(self, name: str, about: str, look: Callable[[], float]) -> None:
        """Have something looked at whenever the metrics are asked for."""
        self.gauges.append(Gauge(name, about, look))

    def sum_up(self, name: str, about: str, labels: Labels, look: Callable[[], Iterable[tuple[Labels, float]]]) -> None:
        """Have sums looked at whenever the metrics are asked for."""
        self.sums.append(Sum(name, about, labels, look))

    def call_began_to_answer(self, *, provider: str, model: str, action: str, seconds: float) -> None:
        """Count the first text of a call."""
        self.first_chunk.observe(self._call(provider, model, action), seconds)

    def call_ended(
        self, *, provider: str, model: str, action: str, seconds: float, usage: Usage, error: str | None
    ) -> None:
        """Count a call to a provider; `error` is the code with which it ended."""
        labels = self._call(provider, model, action)
        self.duration.observe((*labels, error or ""), seconds)
        if not usage.estimated:
            self.tokens.observe((*labels, "input"), usage.prompt_tokens)
            self.tokens.observe((*labels, "output"), usage.completion_tokens)

    def _call(self, provider: str, model: str, action: str) -> Labels:
        return "chat", provider, model if model in self._models else "other", action
