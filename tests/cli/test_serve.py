"""What `serve` says at its start, where tests/e2e cannot see it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import SimpleNamespace

import pytest

from sidecar import app, process
from sidecar.cli import serve, starting
from sidecar.configuration import Configuration
from sidecar.providers.interface import Piece, Prompt


class Oracle:
    """A provider that is not the demo."""

    name = "oracle"
    models = ("delphi",)
    is_ready = True

    def stream(self, prompt: Prompt) -> AbstractAsyncContextManager[AsyncIterator[Piece]]:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def nothing_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve(configuration: Configuration, listeners: object) -> int:
        return 42

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(app, "serve", serve)
    monkeypatch.setattr(process, "forbid_inspection", lambda: None)
    monkeypatch.setattr(process, "raise_file_limit", lambda: None)
    monkeypatch.setattr(process, "resume_garbage_collection", lambda **_: None)
    monkeypatch.setattr(process, "has_terminal", lambda: True)
    monkeypatch.setattr(process, "leave_no_zombies", lambda: None)
    monkeypatch.setattr(starting, "choose_provider", lambda settings: Oracle())


def test_a_provider_other_than_the_demo_is_not_announced_as_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = {"SIDECAR_SOCKET": str(tmp_path / "sidecar.sock"), "SIDECAR_TCP": "off"}
    assert serve.run(SimpleNamespace(env_file=None, overrides=settings)) == 42
    said = capfd.readouterr().err
    assert f"listening on {tmp_path}/sidecar.sock" in said
    assert "demo" not in said
    assert "paste" not in said
