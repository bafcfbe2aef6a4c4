"""The keys beside the first one, and the fallbacks: whether each answers, by one short question to each."""

from collections.abc import Iterator

import anyio
from msgspec.structs import replace

from sidecar.cli.advice import advise
from sidecar.cli.checks.check import Report
from sidecar.cli.checks.upstream import ask_shortly
from sidecar.providers.choosing import choose_provider
from sidecar.settings import Settings


def alone(settings: Settings) -> Settings:
    """Return the settings with the first key only and without fallbacks, so that nothing else can answer instead."""
    return replace(settings, api_keys=settings.api_keys[:1], fallbacks=())


def check_others(settings: Settings, report: Report) -> None:
    """Make the checks `key_2` and so on, `fallback_1` and so on, and `fallback_1_key_2` and so on."""
    for name, other in _others(settings):
        provider = choose_provider(other)
        if provider is None:
            continue
        answer = anyio.run(ask_shortly, provider)
        if answer.error is not None:
            report.failed(name, f"{answer.error.code}: {answer.error}", advise(answer.error.code).todo)
        else:
            report.ok(name, f"{provider.name}, model {provider.models[0]}, answers in {answer.seconds:.1f} s")


def _others(settings: Settings) -> Iterator[tuple[str, Settings]]:
    yield from _further_keys("", settings)
    for number, fallback in enumerate(settings.fallbacks, start=1):
        yield f"fallback_{number}", alone(fallback)
        # A model of the same provider has the same keys, which were looked at.
        if fallback.api_keys != settings.api_keys:
            yield from _further_keys(f"fallback_{number}_", fallback)


def _further_keys(prefix: str, settings: Settings) -> Iterator[tuple[str, Settings]]:
    for number, key in enumerate(settings.api_keys[1:], start=2):
        yield f"{prefix}key_{number}", replace(alone(settings), api_keys=(key,))
