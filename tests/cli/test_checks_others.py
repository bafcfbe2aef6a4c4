"""How doctor looks at the keys beside the first one, and at the fallbacks."""

import pytest
from msgspec.structs import replace

from sidecar import errors
from sidecar.cli.checks import Report
from sidecar.cli.checks import others as checks
from sidecar.providers.interface import Finish, Provider, Text
from sidecar.secret import Secret
from sidecar.settings import Settings, load_settings
from tests.cli.test_checks_upstream import Scripted

A, B, C = (Secret(f"canary-{letter}") for letter in "abc")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Hold the settings of each provider that was asked; the key B is refused."""
    asked: list[Settings] = []

    def choose(settings: Settings) -> Provider:
        asked.append(settings)
        if settings.api_keys == (B,):
            return Scripted(error=errors.UpstreamAuth("It is so."))
        return Scripted(Text("1"), Finish("stop"))

    monkeypatch.setattr(checks, "choose_provider", choose)
    return asked


def examine(settings: Settings) -> dict[str, str]:
    report = Report(lambda check: None)
    checks.check_others(settings, report)
    return {check.name: check.status for check in report.checks}


def test_each_is_asked_alone(asked: list[Settings]) -> None:
    main = replace(load_settings(), api_keys=(A, B), model="m", fallbacks=())
    small = replace(main, model="small")
    other = replace(main, model="o", api_keys=(C, B))
    found = examine(replace(main, fallbacks=(small, other)))
    assert found == {"key_2": "failed", "fallback_1": "ok", "fallback_2": "ok", "fallback_2_key_2": "failed"}
    assert [(settings.model, settings.api_keys) for settings in asked] == [
        ("m", (B,)),
        ("small", (A,)),
        ("o", (C,)),
        ("o", (B,)),
    ]
    assert all(settings.fallbacks == () for settings in asked)


def test_with_one_key_and_without_fallbacks_nothing_more_is_asked(asked: list[Settings]) -> None:
    assert examine(replace(load_settings(), api_keys=(A,))) == {}
    assert asked == []
