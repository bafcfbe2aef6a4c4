"""Who runs the sidecar in a container, who can read its key, and what PHP gets of its settings."""

import os
import pwd
import re
from pathlib import Path

import pytest

from sidecar.beside import installation
from sidecar.beside.installation import KIND, USER, Installation, Refused, User
from sidecar.settings import OPTIONS, load_settings

KEY = 'sk-"canary"-0123456789'


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """That of a container in which the sidecar's user and PHP's are who runs the test."""
    return {
        "PATH": "/usr/bin",
        "SIDECAR_SOCKET": str(tmp_path / "run" / "sidecar.sock"),
        "SIDECAR_SOCKET_GROUP": str(os.getegid()),
        USER: pwd.getpwuid(os.geteuid()).pw_name,
    }


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the test."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def assert_refused(environment: dict[str, str], reason: str) -> None:
    with pytest.raises(Refused, match=re.escape(reason)):
        Installation(environment).prepare()


def test_the_program_gets_none_of_the_settings(environment: dict[str, str]) -> None:
    environment |= {option.name: "x" for option in OPTIONS} | {KIND: "separated"}
    assert Installation(environment).environment_of_php == {"PATH": "/usr/bin"}


def test_the_sidecar_gets_all_settings_and_not_what_is_none(environment: dict[str, str]) -> None:
    environment |= {"OPENAI_MODEL": "m", KIND: "simple"}
    passed_on = Installation(environment).environment
    assert passed_on["OPENAI_MODEL"] == "m"
    assert not {KIND, USER} & passed_on.keys()


def test_in_the_simple_installation_a_child_of_php_finds_its_settings(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = {"SIDECAR_LOG_FILE": "/var/log/sidecar.log", "SIDECAR_USAGE_FILE": "/var/log/usage.jsonl"}
    environment |= {"OPENAI_API_KEY": KEY, "OPENAI_MODEL": "m", "MAX_TOKENS": "7", KIND: "simple", **log}
    made = Installation(environment)
    made.prepare()
    path = tmp_path / "run" / "php.env"
    assert made.environment_of_php == {"PATH": "/usr/bin", "SIDECAR_ENV_FILE": str(path)}
    assert (path.stat().st_mode & 0o777, path.stat().st_gid) == (0o640, os.getegid())
    assert (path.parent.stat().st_mode & 0o777, path.parent.stat().st_uid) == (0o750, os.geteuid())
    for option in OPTIONS:
        monkeypatch.delenv(option.name, raising=False)
    settings = load_settings(env_file=path)
    assert [key.reveal() for key in settings.api_keys] == [KEY]
    assert (settings.model, settings.max_tokens, settings.log_file, settings.usage_file) == ("m", 7, None, None)


@pytest.mark.parametrize("value", ["off", "OFF"])
def test_without_a_socket_php_finds_its_settings_where_it_looks_and_never_in_the_working_directory(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """That is Moodle's folder, which the web server shows to everybody."""
    web_root = tmp_path / "html"
    web_root.mkdir()
    monkeypatch.chdir(web_root)
    monkeypatch.setattr(installation, "_DIRECTORY", tmp_path / "run")
    made = Installation(environment | {"SIDECAR_SOCKET": value, "OPENAI_API_KEY": KEY, KIND: "simple"})
    made.prepare()
    assert [*web_root.iterdir()] == []
    assert [*(tmp_path / "run").iterdir()] == [tmp_path / "run" / "php.env"]
    assert made.environment_of_php["SIDECAR_ENV_FILE"] == str(tmp_path / "run" / "php.env")


@pytest.mark.parametrize("value", ["sidecar.sock", "run/sidecar.sock", "./off"])
def test_a_relative_socket_is_refused(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for kind in ("simple", "separated"):
        settings = environment | {"SIDECAR_SOCKET": value, KIND: kind}
        assert_refused(settings, "SIDECAR_SOCKET must be a whole path, or off")
    assert [*tmp_path.iterdir()] == []


def test_who_brings_a_file_of_settings_needs_no_other(environment: dict[str, str], tmp_path: Path) -> None:
    environment |= {KIND: "simple", "SIDECAR_ENV_FILE": "/etc/openai-moodle-sidecar/.env"}
    made = Installation(environment)
    made.prepare()
    assert made.environment_of_php == {"PATH": "/usr/bin"}
    assert [*(tmp_path / "run").iterdir()] == []


def test_the_directory_that_is_there_is_left_as_it_is(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o711)
    user, group = Installation(environment | {KIND: "simple"}).prepare()
    assert (user, group) == (User(os.geteuid(), os.getegid()), os.getegid())
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o711


@pytest.mark.usefixtures("as_root")
class TestSeparated:
    @pytest.fixture(autouse=True)
    def _own_user(self, environment: dict[str, str]) -> None:
        environment[USER] = "root"

    def test_a_file_of_its_own_is_fine(self, environment: dict[str, str], tmp_path: Path) -> None:
        file = tmp_path / "secret"
        file.touch()
        file.chmod(0o400)
        owner = pwd.getpwuid(file.stat().st_uid)
        user, _ = Installation(environment | {USER: owner.pw_name, "OPENAI_API_KEY_FILE": str(file)}).prepare()
        assert user == User(owner.pw_uid, owner.pw_gid)

    def test_a_key_in_the_environment_is_refused(self, environment: dict[str, str]) -> None:
        assert_refused(environment | {"OPENAI_API_KEY": KEY}, "OPENAI_API_KEY is in the environment of the container")

    @pytest.mark.parametrize("setting", ["OPENAI_API_KEY_FILE", "SIDECAR_ENV_FILE", "SIDECAR_FALLBACKS"])
    @pytest.mark.parametrize("mode", [0o444, 0o402])
    def test_a_file_that_others_can_read_is_refused(
        self, environment: dict[str, str], tmp_path: Path, setting: str, mode: int
    ) -> None:
        file = tmp_path / "secret.env"
        file.touch()
        file.chmod(mode)
        value = f"small-model, {file}" if setting == "SIDECAR_FALLBACKS" else str(file)
        reason = f"others than the sidecar can read {file} (mode {mode:04o}, owner {file.stat().st_uid}"
        assert_refused(environment | {setting: value}, reason)

    @pytest.mark.parametrize("setting", ["SIDECAR_ENV_FILE", "SIDECAR_FALLBACKS"])
    @pytest.mark.parametrize("line", ["OPENAI_API_KEY_FILE={}\n", '\ufeff# its key\n OPENAI_API_KEY_FILE = "{}" \n'])
    def test_so_is_one_that_stands_in_such_a_file(
        self, environment: dict[str, str], tmp_path: Path, setting: str, line: str
    ) -> None:
        secret, file = tmp_path / "secret", tmp_path / "other.env"
        file.write_text(line.format(secret))
        for path, mode in ((secret, 0o444), (file, 0o400)):
            path.touch()
            path.chmod(mode)
        assert_refused(environment | {setting: str(file)}, f"others than the sidecar can read {secret}")
        secret.chmod(0o400)
        Installation(environment | {setting: str(file)}).prepare()

    def test_so_is_one_of_a_fallback_that_stands_in_the_file_of_settings(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        files = {"a.env": f"SIDECAR_FALLBACKS=small, {tmp_path / 'b.env'}\n", "b.env": "OPENAI_MODEL\n"}
        for name, text in files.items():
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o400 if name == "a.env" else 0o444)
        settings = environment | {"SIDECAR_ENV_FILE": str(tmp_path / "a.env")}
        assert_refused(settings, f"others than the sidecar can read {tmp_path / 'b.env'}")

    def test_a_pipe_in_the_place_of_such_a_file_holds_nothing_up(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        os.mkfifo(tmp_path / "pipe", 0o400)
        assert_refused(environment | {"SIDECAR_ENV_FILE": str(tmp_path / "pipe")}, "pipe is no file")

    def test_a_relative_one_begins_where_the_sidecar_does(
        self, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "b.env"
        file.touch()
        file.chmod(0o444)
        monkeypatch.chdir("/usr")
        settings = environment | {"SIDECAR_FALLBACKS": str(file.relative_to("/"))}
        assert_refused(settings, f"others than the sidecar can read {file}")

    def test_so_is_one_of_another_group_or_owner(
        self, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "secret"
        file.touch(0o440)
        found = file.stat()
        for place, value in ((5, 33), (4, 33)):
            changed = [*found]
            changed[0], changed[4], changed[5] = 0o100440, 0, 0
            changed[place] = value
            stolen = os.stat_result(changed)
            monkeypatch.setattr(Path, "stat", lambda _self, stolen=stolen, **_: stolen)
            assert_refused(environment | {"OPENAI_API_KEY_FILE": str(file)}, "others than the sidecar can read")
            monkeypatch.undo()
            monkeypatch.setattr(os, "geteuid", lambda: 0)

    def test_unknown_names_are_refused(self, environment: dict[str, str]) -> None:
        assert_refused(environment | {KIND: "separate"}, f"{KIND} must be separated or simple")
        assert_refused(environment | {USER: "nobody-here"}, "there is no user nobody-here")
        assert_refused(environment | {"SIDECAR_SOCKET_GROUP": "nobody-here"}, "there is no group nobody-here")
        for number in ("99999999999", str(2**32 - 1), "9" * 5000):
            assert_refused(environment | {"SIDECAR_SOCKET_GROUP": number}, f"there is no group {number}")


def test_separated_it_needs_a_start_as_root(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1001)
    assert_refused(environment, "this container must start as root")


def test_without_root_it_is_simple_and_runs_as_who_started_it(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1001)
    assert Installation(environment | {KIND: "simple"}).user() == User(1001, os.getegid())
