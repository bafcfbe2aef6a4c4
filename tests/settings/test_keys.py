"""Where the provider's keys come from, and where a fallback's do."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from sidecar.secret import Secret
from sidecar.settings import Settings, SettingsError, forget_secrets, load_settings
from tests.settings.files import CANARY, WriteFile, assert_refused


class TestTheKeysFile:
    def test_it_gives_the_key(self, monkeypatch: pytest.MonkeyPatch, write_file: WriteFile) -> None:
        monkeypatch.setenv("OPENAI_API_KEY_FILE", str(write_file(f"{CANARY}\n")))
        assert load_settings().api_keys == (Secret(CANARY),)

    def test_the_same_key_may_be_set_too(self, monkeypatch: pytest.MonkeyPatch, write_file: WriteFile) -> None:
        monkeypatch.setenv("OPENAI_API_KEY_FILE", str(write_file(f"{CANARY}\n")))
        monkeypatch.setenv("OPENAI_API_KEY", CANARY)
        assert load_settings().api_keys == (Secret(CANARY),)

    def test_another_key_may_not(self, monkeypatch: pytest.MonkeyPatch, write_file: WriteFile) -> None:
        monkeypatch.setenv("OPENAI_API_KEY_FILE", str(write_file(f"{CANARY}\n")))
        monkeypatch.setenv("OPENAI_API_KEY", f"{CANARY}-2")
        assert_refused("OPENAI_API_KEY and OPENAI_API_KEY_FILE hold different keys; set only one of them.")

    def test_it_must_be_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY_FILE", CANARY)
        assert_refused("OPENAI_API_KEY_FILE must name a readable file: No such file or directory.")

    @pytest.mark.parametrize(
        "text", ["", "\n", "canary é", f"{CANARY}\n{CANARY} x", f"OPENAI_API_KEY={CANARY} x", "x" * 10**6]
    )
    def test_it_must_hold_a_key_and_nothing_else(
        self, monkeypatch: pytest.MonkeyPatch, write_file: WriteFile, text: str
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY_FILE", str(write_file(text)))
        assert_refused(
            "OPENAI_API_KEY_FILE must name a file that holds nothing but the key, or one a line: "
            "a secret has 1 to 512 printable ASCII characters and no blanks."
        )

    def test_it_may_hold_several_one_a_line(self, monkeypatch: pytest.MonkeyPatch, write_file: WriteFile) -> None:
        monkeypatch.setenv("OPENAI_API_KEY_FILE", str(write_file("one\n\ntwo \r\none\nthree")))
        assert load_settings().api_keys == (Secret("one"), Secret("two"), Secret("three"))

    def test_one_of_several_in_the_environment_is_another(
        self, monkeypatch: pytest.MonkeyPatch, write_file: WriteFile
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY_FILE", str(write_file(f"{CANARY}\ntwo\n")))
        monkeypatch.setenv("OPENAI_API_KEY", CANARY)
        assert_refused("OPENAI_API_KEY and OPENAI_API_KEY_FILE hold different keys; set only one of them.")


class TestFallbacks:
    @pytest.fixture(autouse=True)
    def _provider(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", CANARY)
        monkeypatch.setenv("OPENAI_BASE_URL", "https://a.example/v1")
        monkeypatch.setenv("OPENAI_MODEL", "big")
        monkeypatch.setenv("SIDECAR_MODELS", "huge")

    def load(self, monkeypatch: pytest.MonkeyPatch, fallbacks: str) -> tuple[Settings, ...]:
        monkeypatch.setenv("SIDECAR_FALLBACKS", fallbacks)
        return load_settings().fallbacks

    def test_there_are_none_at_first(self) -> None:
        assert load_settings().fallbacks == ()

    def test_a_model_is_one_of_the_same_provider(self, monkeypatch: pytest.MonkeyPatch) -> None:
        small, smaller = self.load(monkeypatch, "small , vendor/smaller:1b")
        assert (small.model, smaller.model) == ("small", "vendor/smaller:1b")
        assert small == replace(load_settings(), model="small", models=(), fallbacks=())

    def test_a_file_is_another_provider_of_which_nothing_is_in_the_environment(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "other.env").write_text(
            "# the library's\nSIDECAR_PROVIDER=anthropic\nOPENAI_API_KEY='canary-other'\nOPENAI_MODEL=claude-x\n"
        )
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        (tmp_path / "openai_api_key").write_text("never-sent-elsewhere")
        (other,) = self.load(monkeypatch, "other.env")
        assert (other.provider, other.base_url, other.model, other.models) == ("anthropic", None, "claude-x", ())
        assert other.api_keys == (Secret("canary-other"),)
        assert other.timeouts == load_settings().timeouts
        assert set(map(Secret.reveal, load_settings().secrets)) == {CANARY, "canary-other"}
        assert "canary" not in repr(load_settings())

    def test_its_keys_may_stand_in_a_file(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "keys").write_text("one\ntwo\n")
        (tmp_path / "other.env").write_text("OPENAI_API_KEY_FILE=keys\nOPENAI_MODEL=m\n")
        (other,) = self.load(monkeypatch, "other.env")
        assert (other.provider, other.api_keys) == ("openai", (Secret("one"), Secret("two")))

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (
                "MAX_TOKENS=7\n",
                "The fallback in 'other.env' sets MAX_TOKENS; a fallback has only SIDECAR_PROVIDER, OPENAI_API_KEY, "
                "OPENAI_API_KEY_FILE, OPENAI_BASE_URL, OPENAI_MODEL.",
            ),
            (
                "OPENAI_BASE_URL=canary\n",
                "The fallback in 'other.env': OPENAI_BASE_URL must be an http:// or https:// address in ASCII, without "
                "a user's name and fragment.",
            ),
            (
                "OPENAI_API_KEY_FILE=gone\n",
                "The fallback in 'other.env': OPENAI_API_KEY_FILE must name a readable file: No such file or "
                "directory.",
            ),
            ("export OPENAI_MODEL=m\n", "The settings in 'other.env': OPENAI_MODEL must be written as NAME=value."),
        ],
    )
    def test_what_is_wrong_in_it_is_named(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str, message: str
    ) -> None:
        (tmp_path / "other.env").write_text(content)
        monkeypatch.setenv("SIDECAR_FALLBACKS", "other.env")
        assert_refused(message)

    def test_it_must_be_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SIDECAR_FALLBACKS", "gone.env")
        assert_refused("The settings in 'gone.env' cannot be read: No such file or directory.")

    @pytest.mark.parametrize("text", ["small,,", "a model", "a\0.env"])
    def test_an_entry_must_be_a_model_or_a_file(self, text: str) -> None:
        with pytest.raises(SettingsError, match="SIDECAR_FALLBACKS must be names of models and files"):
            load_settings(overrides={"SIDECAR_FALLBACKS": text})


class TestTheCredentialOfSystemd:
    @pytest.fixture(autouse=True)
    def _credential(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        (tmp_path / "openai_api_key").write_text(f"{CANARY}\n")

    def test_it_gives_the_key(self) -> None:
        assert load_settings().api_keys == (Secret(CANARY),)

    def test_one_that_is_not_filled_in_yet_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "openai_api_key").write_text("")
        assert load_settings().api_keys == ()

    def test_the_environment_and_the_file_win_over_it(
        self, monkeypatch: pytest.MonkeyPatch, write_file: WriteFile
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "another")
        assert load_settings().api_keys == (Secret("another"),)
        monkeypatch.delenv("OPENAI_API_KEY")
        monkeypatch.setenv("OPENAI_API_KEY_FILE", str(write_file("third\n")))
        assert load_settings().api_keys == (Secret("third"),)

    def test_there_may_be_none(self, tmp_path: Path) -> None:
        (tmp_path / "openai_api_key").unlink()
        assert load_settings().api_keys == ()

    def test_it_must_hold_a_key(self, tmp_path: Path) -> None:
        (tmp_path / "openai_api_key").write_text("canary é")
        assert_refused(
            "The credential openai_api_key must be a file that holds nothing but the key, or one a line: "
            "a secret has 1 to 512 printable ASCII characters and no blanks."
        )


def test_secrets_are_taken_out_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("SIDECAR_PROXY", f"http://me:{CANARY}@proxy.example")
    monkeypatch.setenv("MAX_TOKENS", "7")
    kept = forget_secrets()
    assert {name: secret.reveal() for name, secret in kept.items()} == {
        "OPENAI_API_KEY": CANARY,
        "SIDECAR_PROXY": f"http://me:{CANARY}@proxy.example",
    }
    assert not any(CANARY in value for value in os.environ.values())
    assert os.environ["MAX_TOKENS"] == "7"
