"""How large a run is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Sizes and times. Those of the goals are the defaults; `QUICK` is a look at whether all is well."""

    rounds: int = 5
    window_seconds: float = 3.0
    streams: int = 100
    reply_tokens: int = 100
    """Of a reply at 50 tokens a second; at 20 a second it has 40, and takes as long."""
    many_streams: int = 1000
    readers: int = 200
    """Of one summary."""
    starts: int = 3
    """In each round."""
    memory_rounds: int = 3
    unread_tokens: int = 50_000
    """Nearly the longest reply that the sidecar takes: 0.9 MB of text, 14 MB as the provider sends it."""
    unread_seconds: float = 4.0
    leak_seconds: float = 30.0
    distance_ms: float = 50.0
    """The round trip to the provider where PHP asks."""
    silence_seconds: float = 61.0


FULL = Plan()

QUICK = Plan(
    rounds=1,
    window_seconds=0.8,
    reply_tokens=50,
    many_streams=300,
    starts=2,
    memory_rounds=1,
    unread_seconds=1.5,
    leak_seconds=4.0,
    silence_seconds=6.0,
)
