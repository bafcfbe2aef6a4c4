"""What is kept of the keys before. The program that reloads is in tests/e2e/test_reloading.py."""

import gc
from operator import attrgetter
from pathlib import Path

import anyio
import pytest

from sidecar.assembly import assemble
from sidecar.configuration import Configuration
from sidecar.notifying import Notifier
from sidecar.observability import Redaction, start_logging
from sidecar.providers.choosing import choose_provider
from sidecar.providers.interface import Provider
from sidecar.reloading import TAKEN, Reloading
from sidecar.secret import Secret
from sidecar.settings import OPTIONS, Settings, SettingsError, load_settings

OLD, NEW, TOKEN = "canary-old-8GqT2vLd", "canary-new-5Rn0YwZe", "canary-token-k2N8qW"


def read(folder: Path) -> tuple[Settings, Provider | None]:
    overrides = {"OPENAI_API_KEY_FILE": str(folder / "key"), "OPENAI_MODEL": "m", "SIDECAR_FALLBACKS": "other"}
    settings = load_settings(overrides=overrides)
    return settings, choose_provider(settings)


def hold(text: str) -> list[object]:
    """Return what holds `text`, or a piece of it from which it could be guessed."""
    gc.collect()
    found: list[object] = []
    for thing in gc.get_objects():
        if isinstance(thing, Secret) and thing._text == text:
            found.append(thing)
        if isinstance(thing, Redaction) and thing.mask(f"<{text}>") != f"<{text}>":
            found.append(thing)
    return found


@pytest.mark.anyio
async def test_of_a_key_that_was_replaced_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_text(OLD)
    settings, provider = read(tmp_path)
    with start_logging("info", tmp_path / "log", secrets=settings.secrets) as log:
        configuration = Configuration(settings, provider, log, lambda: read(tmp_path))
        del settings, provider
        log.redaction.add(Secret(TOKEN))
        async with assemble(configuration.settings, configuration.take_provider()) as parts:
            reloading = Reloading(configuration, parts, Notifier({}), token=Secret(TOKEN))
            assert len(hold(OLD)) > 1
            for _ in range(3):  # the same once more is as good as another one
                (tmp_path / "key").write_text(NEW)
                await reloading.reload()
                await anyio.wait_all_tasks_blocked()
                assert hold(OLD) == []
                assert log.redaction.mask(f"{OLD} {NEW} {TOKEN}") == f"{OLD} *** ***"
            assert configuration.settings.api_keys == (Secret(NEW),)
    assert OLD not in (tmp_path / "log").read_text()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (SettingsError("OPENAI_MODEL is wrong."), "OPENAI_MODEL is wrong."),
        (PermissionError(13, "Permission denied"), "PermissionError: [Errno 13] Permission denied (in "),
        (RuntimeError("can't start new thread"), "RuntimeError: can't start new thread (in "),
        (KeyError("canary"), "KeyError (in "),
    ],
)
async def test_whatever_fails_all_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception, said: str
) -> None:
    async def fail(*_: object) -> None:
        raise failure

    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_text(OLD)
    settings, provider = read(tmp_path)
    monkeypatch.setattr(anyio.to_thread, "run_sync", fail)
    with start_logging("info", tmp_path / "log") as log:
        configuration = Configuration(settings, provider, log, lambda: read(tmp_path))
        async with assemble(settings, provider) as parts:
            await Reloading(configuration, parts, Notifier({}), token=None).reload()
            assert parts.service.status().ready
    assert f"reload failed, what was read before goes on: {said}" in (tmp_path / "log").read_text()


def test_what_is_taken_anew_exists() -> None:
    assert {option.field for option in OPTIONS} >= TAKEN


@pytest.mark.anyio
async def test_what_is_not_taken_is_named_and_all_else_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every number changed by one."""
    monkeypatch.chdir(tmp_path)
    numbers = {
        option.name: str(int(option.default) - 1 if int(option.default) > 1 else 2)
        for option in OPTIONS
        if option.default and option.default.isdecimal() and option.name != "SIDECAR_SOCKET_MODE"
    }
    common = {"SIDECAR_PROVIDER": "demo", "SIDECAR_LOG_FILE": str(tmp_path / "log")}
    before, after = load_settings(overrides=common), load_settings(overrides=common | numbers)
    with start_logging("info", tmp_path / "log") as log:
        configuration = Configuration(before, choose_provider(before), log, lambda: (after, choose_provider(after)))
        async with assemble(before, configuration.take_provider()) as parts:
            await Reloading(configuration, parts, Notifier({}), token=None).reload()
            assert parts.connections.limits.max_payload_bytes == after.limits.max_payload_bytes
            assert parts.turns.bounds == (after.limits.max_upstream, after.limits.queue_seconds)
    [line] = [line for line in (tmp_path / "log").read_text().splitlines() if "a restart is needed" in line]
    named = set(line.partition("for: ")[2].split(", "))
    changed = {option for option in OPTIONS if attrgetter(option.field)(before) != attrgetter(option.field)(after)}
    assert named == {option.name for option in changed if option.field not in TAKEN}
    assert {"SIDECAR_GRACE_SECONDS", "SIDECAR_MAX_CONNECTIONS"} <= named
