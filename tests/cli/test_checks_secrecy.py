"""What doctor says of where the settings come from, and who may read the key."""

import os
import pwd
from pathlib import Path

import pytest

from sidecar.cli.checks import Check, Report, secrecy
from sidecar.cli.checks.files import group_name, user_name
from sidecar.cli.checks.secrecy import check_settings
from sidecar.settings import load_settings


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.env"
    path.write_text("# a comment\nOPENAI_API_KEY=sk-canary-k2VxQ\n")
    return path


def look(env_file: Path) -> Check:
    report = Report(lambda check: None)
    check_settings(load_settings(env_file=env_file), report)
    [check] = report.checks
    return check


def say(env_file: Path) -> tuple[str, str]:
    check = look(env_file)
    return check.status, check.message


def advice(env_file: Path) -> str:
    return look(env_file).advice


def test_a_key_that_is_the_sidecars_alone(env_file: Path) -> None:
    env_file.chmod(0o600)
    status, message = say(env_file)
    assert (status, message.startswith(f"from {env_file}, seen as user ")) == ("ok", True)


@pytest.mark.parametrize("mode", [0o644, 0o604])
def test_a_key_that_all_may_read_is_a_warning(env_file: Path, mode: int) -> None:
    env_file.chmod(mode)
    assert say(env_file) == ("warning", f"every user may read the key in {env_file}")


@pytest.mark.parametrize(
    ("members", "who"),
    [
        ([], None),
        (["openai-moodle-sidecar", "root"], None),
        (
            ["www-data", "openai-moodle-sidecar", "anna"],
            f"members of group {group_name(os.getegid())} (anna, www-data)",
        ),
        (None, f"members of group {os.getegid()}"),  # whoever they are
    ],
)
def test_a_group_counts_where_somebody_else_is_in_it(
    env_file: Path, monkeypatch: pytest.MonkeyPatch, members: list[str] | None, who: str | None
) -> None:
    monkeypatch.setattr(secrecy, "group_members", lambda gid: members)
    monkeypatch.setattr(secrecy, "_sidecar_user", lambda: "openai-moodle-sidecar")
    env_file.chmod(0o640)
    status, message = say(env_file)
    assert status == ("ok" if who is None else "warning")
    assert who is None or message == f"{who} may read the key in {env_file}"


def test_its_owner_may_be_in_the_group(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrecy, "group_members", lambda gid: [user_name(os.geteuid())])
    env_file.chmod(0o640)
    assert say(env_file)[0] == "ok"


def test_what_to_do_leaves_the_file_readable_for_the_sidecar(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0600 alone would lock it out where the file is root's."""
    env_file.chmod(0o644)
    monkeypatch.setattr(secrecy, "_sidecar_user", lambda: user_name(os.geteuid()))
    assert advice(env_file).startswith("For the sidecar's user alone, chmod 600 it.")
    monkeypatch.setattr(secrecy, "_sidecar_user", lambda: "openai-moodle-sidecar")
    owner = user_name(os.geteuid())
    todo = f"it belongs to {owner}: chown openai-moodle-sidecar and chmod 600 it."
    assert advice(env_file).startswith(f"For the sidecar's user alone, {todo}")


def test_the_sidecars_user_is_the_services_or_else_us(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = pwd.getpwuid(os.geteuid())
    monkeypatch.setattr(pwd, "getpwnam", lambda name: pwd.struct_passwd((name, *ours[1:])))
    assert secrecy._sidecar_user() == "openai-moodle-sidecar"
    monkeypatch.setattr(pwd, "getpwnam", {}.__getitem__)
    assert secrecy._sidecar_user() == ours.pw_name


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
