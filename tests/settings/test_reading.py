from pathlib import Path

import pytest

from sidecar.secret import Secret
from sidecar.settings import OPTIONS, SettingsError, TcpAddress, load_settings
from sidecar.settings.parsing import PATH, PATH_OR_OFF
from tests.settings.files import CANARY, WriteFile, assert_refused


def test_without_any_setting_there_are_the_defaults() -> None:
    settings = load_settings()
    assert (settings.provider, settings.api_keys, settings.token, settings.socket) == (None, (), None, None)
    assert settings.env_file is None
    assert settings.tcp == TcpAddress("127.0.0.1", 8081)
    assert settings.tcp_auth
    assert settings.socket_mode == 0o660
    assert (settings.max_tokens, settings.summarize_threshold) == (1000, 2000)
    assert settings.drain_seconds == 8
    assert (settings.models, settings.allow_http, settings.ca, settings.proxy) == ((), False, None, None)
    timeouts = settings.timeouts
    assert (timeouts.connect_seconds, timeouts.first_token_seconds) == (5, 120)
    assert (timeouts.idle_seconds, timeouts.total_seconds) == (30, 600)
    assert settings.limits.max_upstream == 200
    assert settings.limits.max_payload_bytes == 8 * 1024 * 1024
    assert settings.limits.socket_first_byte_seconds == 60


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        load_settings().max_tokens = 1  # type: ignore[misc]


def test_the_repr_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("SIDECAR_TOKEN", CANARY)
    monkeypatch.setenv("SIDECAR_PROXY", f"http://me:{CANARY}@proxy.example")
    monkeypatch.setenv("OPENAI_BASE_URL", f"https://a.example.org/v1?key={CANARY}")
    settings = load_settings()
    assert settings.api_keys == (settings.token,) == (Secret(CANARY),)
    assert "canary" not in repr(settings) + str(settings)


def test_overrides_win_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch, write_file: WriteFile
) -> None:
    path = write_file("MAX_TOKENS=1\nSUMMARIZE_THRESHOLD=1\nOPENAI_MODEL='one'\n")
    monkeypatch.setenv("MAX_TOKENS", "2")
    monkeypatch.setenv("SUMMARIZE_THRESHOLD", "2")
    settings = load_settings(env_file=path, overrides={"MAX_TOKENS": "3"})
    assert (settings.max_tokens, settings.summarize_threshold, settings.model) == (3, 2, "one")
    assert settings.env_file == path


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_text_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch, write_file: WriteFile, empty: str) -> None:
    for option in OPTIONS:
        monkeypatch.setenv(option.name, empty)
    assert load_settings() == load_settings(overrides={"MAX_TOKENS": empty})
    assert load_settings(env_file=write_file("MAX_TOKENS=7\nSIDECAR_SOCKET=\n")).max_tokens == 7


def test_white_space_around_a_value_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIDECAR_TCP", " off\n")
    assert load_settings().tcp is None


def test_the_users_runtime_directory_comes_from_its_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    assert load_settings().runtime_dir == Path("/run/user/7")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    assert load_settings().runtime_dir is None


class TestTheFile:
    def test_it_is_env_in_the_working_directory(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("MAX_TOKENS=7\n")
        assert load_settings().max_tokens == 7
        assert load_settings().env_file == Path(".env")

    def test_it_is_the_one_that_the_environment_names_before_that(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, write_file: WriteFile
    ) -> None:
        (tmp_path / ".env").write_text("MAX_TOKENS=7\n")
        monkeypatch.setenv("SIDECAR_ENV_FILE", str(write_file("MAX_TOKENS=8\n")))
        assert load_settings().max_tokens == 8

    def test_it_is_the_one_of_the_argument_before_all(
        self, monkeypatch: pytest.MonkeyPatch, write_file: WriteFile
    ) -> None:
        monkeypatch.setenv("SIDECAR_ENV_FILE", "/nonexistent")
        path = write_file("MAX_TOKENS=9\n")
        assert load_settings(env_file=path).max_tokens == 9
        assert load_settings(overrides={"SIDECAR_ENV_FILE": str(path)}).max_tokens == 9

    def test_a_virtual_environment_is_not_taken_for_it(self, tmp_path: Path) -> None:
        (tmp_path / ".env").mkdir()
        assert load_settings().env_file is None

    def test_a_byte_order_mark_is_skipped(self, write_file: WriteFile) -> None:
        assert load_settings(env_file=write_file("\ufeffMAX_TOKENS=7\n")).max_tokens == 7

    def test_a_named_one_must_be_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        message = "The settings in 'gone' cannot be read: No such file or directory."
        assert_refused(message, env_file=Path("gone"))
        monkeypatch.setenv("SIDECAR_ENV_FILE", "gone")
        assert_refused(message)

    def test_it_must_be_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        assert_refused("The settings in 'folder' cannot be read: Is a directory.", env_file=Path("folder"))

    def test_it_must_be_utf_8(self, tmp_path: Path) -> None:
        (tmp_path / "latin").write_bytes(b"OPENAI_API_KEY=canary\xe9\n")
        assert_refused("The settings in 'latin' are not UTF-8.", env_file=Path("latin"))

    def test_it_cannot_name_another(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("SIDECAR_ENV_FILE=other\n")
        assert_refused("The settings in '.env': SIDECAR_ENV_FILE cannot name another file.")

    @pytest.mark.parametrize(
        "line", [f"export OPENAI_API_KEY={CANARY}", f"OPENAI_API_KEY: {CANARY}==", f"OPENAI_API_KEY {CANARY}="]
    )
    def test_a_line_of_another_form_is_not_dropped_without_a_word(self, tmp_path: Path, line: str) -> None:
        (tmp_path / ".env").write_text(f"# export OPENAI_API_KEY=x\n{line}\n")
        assert_refused("The settings in '.env': OPENAI_API_KEY must be written as NAME=value.")


class TestWrongValues:
    @pytest.mark.parametrize(
        ("name", "allowed"),
        [
            ("MAX_TOKENS", "a whole number from 1 to 10000000"),
            ("SIDECAR_DRAIN_SECONDS", "a number from 0 to 3600"),
            ("SIDECAR_MAX_PAYLOAD_BYTES", "a whole number from 1 to 8388608"),
            ("SIDECAR_LOG_LEVEL", "debug, info, warning or error"),
            ("SIDECAR_TCP_AUTH", "on or off"),
            ("SIDECAR_SOCKET_GROUP", "the name or the number of a group: this machine knows no such name"),
        ],
    )
    def test_the_message_names_the_setting_and_what_is_allowed(
        self, monkeypatch: pytest.MonkeyPatch, name: str, allowed: str
    ) -> None:
        monkeypatch.setenv(name, CANARY)
        assert_refused(f"{name} must be {allowed}.")

    def test_a_comment_behind_a_value_is_told_where_it_belongs(self, write_file: WriteFile) -> None:
        env_file = write_file("MAX_TOKENS=500   # half a page\n")
        message = "MAX_TOKENS must be a whole number from 1 to 10000000. A comment needs a line of its own."
        assert_refused(message, env_file=env_file)

    def test_an_address_that_others_reach_is_refused_with_the_reason(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SIDECAR_TCP", "0.0.0.0:8081")
        assert_refused(
            "SIDECAR_TCP must be a port, host:port with a host of loopback (127.0.0.0/8, [::1], localhost), or off: "
            "other machines must not reach the sidecar."
        )

    # The others take any text, as paths are.
    @pytest.mark.parametrize("name", [option.name for option in OPTIONS if option.kind not in (PATH, PATH_OR_OFF)])
    def test_no_message_quotes_the_value(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setenv(name, f"{CANARY} é\n\x1b{CANARY}")
        with pytest.raises(SettingsError, match=rf"\A{name} must be ") as caught:
            load_settings()
        assert "canary" not in repr(caught.value)
        assert str(caught.value).isprintable()


class TestUnknownNames:
    def test_the_nearest_is_suggested(self, monkeypatch: pytest.MonkeyPatch, write_file: WriteFile) -> None:
        message = "There is no setting SIDECAR_DRAIN_SECOND; did you mean SIDECAR_DRAIN_SECONDS?"
        assert_refused(message, env_file=write_file("SIDECAR_DRAIN_SECOND=1\n"))
        monkeypatch.setenv("SIDECAR_DRAIN_SECOND", "")
        assert_refused(message)

    def test_what_follows_a_name_is_not_shown(self, write_file: WriteFile) -> None:
        path = write_file(f"SIDECAR_TOKE {CANARY}=")
        assert_refused("There is no setting SIDECAR_TOKE; did you mean SIDECAR_TOKEN?", env_file=path)

    def test_those_that_kubernetes_makes_are_ignored(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("SIDECAR_SERVICE_HOST", "SIDECAR_PORT", "SIDECAR_PORT_8081_TCP_ADDR"):
            monkeypatch.setenv(name, "10.0.0.1")
        load_settings()

    def test_those_of_others_are_ignored(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_ORGANIZATION", "x")
        load_settings()
