import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.providers.choosing import choose_provider
from sidecar.settings import Settings, SettingsError, load_settings

KEY = "sk-canary0123456789"


def load(**texts: str) -> Settings:
    return load_settings(overrides=texts)


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "SIDECAR_PROVIDER", "SIDECAR_PROVIDER_IF_UNSET"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        ({}, None),
        ({"SIDECAR_PROVIDER": "demo"}, "demo"),
        ({"SIDECAR_PROVIDER_IF_UNSET": "demo"}, "demo"),
        ({"OPENAI_API_KEY": KEY, "OPENAI_MODEL": "m"}, "openai"),
        ({"OPENAI_API_KEY": KEY, "OPENAI_MODEL": "m", "SIDECAR_PROVIDER_IF_UNSET": "demo"}, "openai"),
        ({"OPENAI_API_KEY": KEY, "SIDECAR_PROVIDER": "demo"}, "demo"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:1", "OPENAI_MODEL": "m"}, "openai"),
        ({"SIDECAR_PROVIDER": "openai", "OPENAI_BASE_URL": "http://[::1]:1", "OPENAI_MODEL": "m"}, "openai"),
        ({"OPENAI_MODEL": "m"}, None),
    ],
)
def test_which_provider_the_settings_choose(texts: dict[str, str], name: str | None) -> None:
    provider = choose_provider(load(**texts))
    assert (provider and provider.name) == name


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"SIDECAR_PROVIDER": "oracle"}, "SIDECAR_PROVIDER must be openai, anthropic or demo"),
        ({"SIDECAR_PROVIDER_IF_UNSET": "oracle"}, "SIDECAR_PROVIDER_IF_UNSET must be openai, anthropic or demo"),
        ({"OPENAI_API_KEY": KEY}, "OPENAI_MODEL must name"),
        ({"SIDECAR_PROVIDER": "openai", "OPENAI_MODEL": "m"}, "OPENAI_API_KEY or OPENAI_API_KEY_FILE must give"),
        ({"OPENAI_BASE_URL": "https://a.example", "OPENAI_MODEL": "m"}, "OPENAI_API_KEY or OPENAI_API_KEY_FILE must"),
        ({"OPENAI_BASE_URL": "http://a.example", "OPENAI_MODEL": "m", "OPENAI_API_KEY": KEY}, "OPENAI_BASE_URL must"),
        ({"OPENAI_API_KEY": KEY, "OPENAI_MODEL": "m", "SIDECAR_CA": "/nonexistent"}, "SIDECAR_CA must"),
        (
            {"OPENAI_BASE_URL": "http://localhost:1", "OPENAI_MODEL": "m", "SIDECAR_DENY_PRIVATE": "on"},
            "OPENAI_BASE_URL names this machine",
        ),
        (
            {
                "OPENAI_API_KEY": KEY,
                "OPENAI_MODEL": "m",
                "SIDECAR_DENY_PRIVATE": "on",
                "SIDECAR_PROXY": "http://p.example",
            },
            "SIDECAR_DENY_PRIVATE must be off with a SIDECAR_PROXY",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_named(texts: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=rf"\A{message}") as caught:
        choose_provider(load(**texts))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("OPENAI_MODEL=m", "OPENAI_API_KEY or OPENAI_API_KEY_FILE must give the provider's key."),
        ("OPENAI_API_KEY=sk-canary-other", "OPENAI_MODEL must name the model that answers."),
        ("OPENAI_MODEL=m\nOPENAI_BASE_URL=http://a.example", "OPENAI_BASE_URL must begin with https://"),
        ("SIDECAR_PROVIDER=demo", "its provider must be openai or anthropic."),
    ],
)
def test_what_is_missing_or_wrong_in_a_fallback_is_named(tmp_path: Path, lines: str, message: str) -> None:
    path = tmp_path / "other.env"
    path.write_text(lines)
    settings = load(OPENAI_API_KEY=KEY, OPENAI_MODEL="m", SIDECAR_FALLBACKS=f"small, {path}")
    with pytest.raises(SettingsError, match=rf"\ASIDECAR_FALLBACKS, entry 2: {message}"):
        choose_provider(settings)


def test_http_may_be_allowed() -> None:
    texts = {"OPENAI_BASE_URL": "http://a.example", "OPENAI_MODEL": "m", "OPENAI_API_KEY": KEY}
    assert choose_provider(load(**texts, SIDECAR_ALLOW_HTTP="on")) is not None


@pytest.mark.anyio
async def test_the_models_are_the_default_and_then_the_others() -> None:
    texts = {"OPENAI_API_KEY": KEY, "OPENAI_MODEL": "b", "SIDECAR_MODELS": "a, b,c/d:e,*"}
    provider = choose_provider(load(**texts))
    assert provider is not None
    assert provider.models == ("b", "a", "c/d:e", "*")
    assert provider.is_ready


CHECKOUT = Path(__file__).parents[2]
SLOW_TO_LOAD = {"httpx", "h11", "uvloop", "prometheus_client", "decouple", "difflib", "json", "shutil", "argparse"}
SELDOM_NEEDED = {"sidecar.actions.analyze", "sidecar.dialects.http.dialect", "sidecar.texts.readability"}


def test_what_is_slow_to_load_and_seldom_needed_is_not_loaded_by_a_start_of_stdio() -> None:
    code = "import sys, sidecar.cli.main, sidecar.cli.stdio, sidecar.providers.remote; print(*sys.modules)"
    # Without our environment: by that, what measures the coverage of programs loads itself, and much else.
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=CHECKOUT, env={}
    )
    loaded = done.stdout.split()
    assert "sidecar.http_pool.pools" in loaded
    assert (SLOW_TO_LOAD | SELDOM_NEEDED).isdisjoint(loaded)
