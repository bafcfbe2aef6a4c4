"""Nothing is set, and there is a file to set it in."""

import os
from pathlib import Path

import pytest

from sidecar.settings import OPTIONS
from tests.settings.files import WriteFile


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = {option.name for option in OPTIONS}
    for name in list(os.environ):
        if name in names or name.startswith("SIDECAR_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write_file(tmp_path: Path) -> WriteFile:
    """Give a function that writes a file of settings and returns its path."""

    def write(text: str) -> Path:
        path = tmp_path / "settings"
        path.write_text(text, encoding="utf-8")
        return path

    return write
