"""What requests may ask for, where a test does not say."""

from typing import TypedDict, Unpack

from msgspec.structs import replace

from sidecar.actions import Rules


class Changed(TypedDict, total=False):
    """What a test wants otherwise than `make_rules` has it."""

    max_tokens: int
    max_text_bytes: int
    max_chat_bytes: int
    summarize_threshold: int
    context_tokens: int
    extractive_fallback: bool


def make_rules(*models: str, **changed: Unpack[Changed]) -> Rules:
    """Return rules for a provider that has `models`."""
    rules = Rules(
        models=models,
        max_tokens=1000,
        max_text_bytes=5_000_000,
        max_chat_bytes=2**20,
        summarize_threshold=2000,
        context_tokens=16_000,
        extractive_fallback=False,
    )
    return replace(rules, **changed)
