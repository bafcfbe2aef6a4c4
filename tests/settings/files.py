"""What tests of the settings share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.settings import SettingsError, load_settings

CANARY = "canary-0123456789"


WriteFile = Callable[[str], Path]


def assert_refused(message: str, *, env_file: Path | None = None) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(env_file=env_file)
    assert str(caught.value) == message
    assert "canary" not in repr(caught.value)
