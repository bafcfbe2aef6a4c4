"""What doctor says of where the settings come from, and who may read the key."""

from pathlib import Path

import pytest

from sidecar.cli.checks import Report
from sidecar.cli.checks.secrecy import check_settings
from sidecar.settings import load_settings


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.env"
    path.write_text("# a comment\nOPENAI_API_KEY=sk-canary-k2VxQ\n")
    return path


def say(env_file: Path) -> tuple[str, str]:
    report = Report(lambda check: None)
    check_settings(load_settings(env_file=env_file), report)
    [check] = report.checks
    return check.status, check.message


def test_a_key_that_is_the_sidecars_alone(env_file: Path) -> None:
    env_file.chmod(0o600)
    status, message = say(env_file)
    assert (status, message.startswith(f"from {env_file}, seen as user ")) == ("ok", True)


@pytest.mark.parametrize(
    ("mode", "who"), [(0o640, "members of group "), (0o644, "every user "), (0o604, "every user ")]
)
def test_a_key_that_others_may_read_is_a_warning(env_file: Path, mode: int, who: str) -> None:
    env_file.chmod(mode)
    status, message = say(env_file)
    assert (status, message.startswith(who), message.endswith(f" may read the key in {env_file}")) == (
        "warning",
        True,
        True,
    )


def test_settings_without_a_key_may_be_read_by_all(env_file: Path) -> None:
    env_file.write_text("# OPENAI_API_KEY=\nOPENAI_API_KEY=\nMAX_TOKENS=5\n")
    env_file.chmod(0o644)
    assert say(env_file)[0] == "ok"


def test_the_file_of_the_key_counts_and_those_of_fallbacks(env_file: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("sk-canary-k2VxQ\n")
    key.chmod(0o644)
    env_file.write_text(f"OPENAI_API_KEY_FILE={key}\n")
    assert say(env_file) == ("warning", f"every user may read the key in {key}")

    fallback = tmp_path / "fallback.env"
    fallback.write_text("OPENAI_API_KEY=sk-canary-9sLq\nOPENAI_MODEL=m\n")
    fallback.chmod(0o644)
    key.chmod(0o600)
    env_file.write_text(f"OPENAI_API_KEY_FILE={key}\nOPENAI_MODEL=m\nSIDECAR_FALLBACKS={fallback}\n")
    assert say(env_file) == ("warning", f"every user may read the key in {fallback}")
