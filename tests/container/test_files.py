"""The files of container/, as far as it takes no image to see."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sidecar.settings import OPTIONS
from tests.container.images.engine import compose
from tests.e2e.program import CHECKOUT

FOLDER = CHECKOUT / "container"
PROFILES = {"simple": "moodle", "separated": "moodle-separated", "beside": "moodle-alone"}
# As the old guide has them.
OLD_NAMES = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "MAX_TOKENS", "SUMMARIZE_THRESHOLD")
KEY = "sk-canary-0123456789"


def dockerfile(name: str) -> str:
    return (FOLDER / name).read_text().replace("\\\n", " ")


def example() -> dict[str, str]:
    lines = (FOLDER / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("profile", PROFILES)
def test_each_profile_is_moodle_with_a_database(profile: str, tmp_path: Path) -> None:
    services = compose(profile, tmp_path, **example())
    assert set(services) == {"database", PROFILES[profile]} | ({"sidecar"} if profile == "beside" else set())


def test_the_example_chooses_what_the_old_guide_has(tmp_path: Path) -> None:
    environment = example()
    assert environment["COMPOSE_PROFILES"] == "simple"
    moodle = compose("simple", tmp_path, **environment)["moodle"]
    assert {name: moodle["environment"][name] for name in OLD_NAMES} == {name: environment[name] for name in OLD_NAMES}


@pytest.mark.parametrize(("profile", "name"), [*PROFILES.items(), ("beside", "sidecar")])
def test_any_other_setting_stands_in_sidecar_env_for_the_sidecar_alone(profile: str, name: str, tmp_path: Path) -> None:
    lines = ["SIDECAR_USER_TOKENS_PER_DAY=200000", "SIDECAR_FALLBACKS=a, b", "OPENAI_API_KEY_FILE=/elsewhere"]
    (tmp_path / "sidecar.env").write_text("".join(f"{line}\n" for line in lines))
    environment = compose(profile, tmp_path, **example())[name]["environment"]
    if name == "moodle-alone":
        assert "SIDECAR_USER_TOKENS_PER_DAY" not in environment
        return
    assert environment["SIDECAR_USER_TOKENS_PER_DAY"] == "200000"
    assert environment["SIDECAR_FALLBACKS"] == "a, b"
    assert environment["OPENAI_MODEL"] == example()["OPENAI_MODEL"], "as .env has it"
    if profile != "simple":
        assert environment["OPENAI_API_KEY_FILE"] == "/run/secrets/openai_api_key", "what goes to its place stays there"


@pytest.mark.parametrize("profile", PROFILES)
def test_every_container_is_hardened(profile: str, tmp_path: Path) -> None:
    for name, service in compose(profile, tmp_path, **example()).items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["mem_limit"]) > 0, name
        assert service["pids_limit"] > 0, name
        assert service.get("read_only") or name == "database"
        assert not service.get("privileged")
        assert "healthcheck" in service or name == "moodle-alone"
        for port in service.get("ports", ()):
            assert port["host_ip"] == "127.0.0.1", name


@pytest.mark.parametrize("profile", PROFILES)
def test_apache_knows_its_folder_without_an_entry_point_that_writes(profile: str, tmp_path: Path) -> None:
    """Moodle HQ's sets it, but cannot run on a root that nobody can write to."""
    moodle = compose(profile, tmp_path)[PROFILES[profile]]
    assert moodle["environment"]["APACHE_DOCUMENT_ROOT"] == "/var/www/html"
    moodle = compose(profile, tmp_path, APACHE_DOCUMENT_ROOT="/var/www/html/public")[PROFILES[profile]]
    assert moodle["environment"]["APACHE_DOCUMENT_ROOT"] == "/var/www/html/public"
    assert "ENV APACHE_DOCUMENT_ROOT=${APACHE_DOCUMENT_ROOT:-/var/www/html}" in dockerfile("moodle.Dockerfile")


def test_the_sidecar_alone_has_no_capability_and_no_port(tmp_path: Path) -> None:
    sidecar = compose("beside", tmp_path, **example())["sidecar"]
    assert "cap_add" not in sidecar
    assert "ports" not in sidecar


@pytest.mark.parametrize("profile", ["separated", "beside"])
def test_the_key_is_a_file_and_in_no_environment(profile: str, tmp_path: Path) -> None:
    services = compose(profile, tmp_path, **example() | {"OPENAI_API_KEY": KEY})
    assert KEY not in json.dumps(services)
    has_key = {name for name, service in services.items() if "openai_api_key" in json.dumps(service.get("secrets"))}
    assert has_key == {"sidecar" if profile == "beside" else "moodle-separated"}


def test_settings_in_these_files_exist(tmp_path: Path) -> None:
    names = {option.name for option in OPTIONS}
    for file in (*FOLDER.glob("*Dockerfile"), FOLDER / "compose.yaml", FOLDER / ".env.example"):
        used = set(re.findall(r"\bSIDECAR_[A-Z_]+\b", file.read_text()))
        assert used <= names, file


@pytest.mark.parametrize("name", ["Dockerfile", "moodle.Dockerfile"])
def test_the_images_run_without_a_shell(name: str) -> None:
    text = dockerfile(name)
    for instruction in ("ENTRYPOINT", "CMD", "HEALTHCHECK"):
        (line,) = re.findall(rf"^{instruction} .*", text, re.MULTILINE)
        command: Any = json.loads(line[line.index("[") :])
        assert command[0] in ("openai-moodle-sidecar", "serve", "docker-php-entrypoint")
    assert not re.search(r"OPENAI_API_KEY=|TOKEN=", text)


@pytest.mark.parametrize("name", ["Dockerfile", "moodle.Dockerfile"])
def test_what_an_image_copies_is_let_through_and_there(name: str) -> None:
    ignored = (CHECKOUT / ".dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile(name), re.MULTILINE)
    for path in " ".join(copied).split():
        assert f"!{path}" in ignored
        assert (CHECKOUT / path).exists()


def test_packages_are_installed_by_their_hashes_only() -> None:
    script = (FOLDER / "make-venv.sh").read_text().replace("\\\n", " ")
    installs = re.findall(r"^pip .*install .*", script, re.MULTILINE)
    assert len(installs) == 3
    for line in installs:
        assert "--require-hashes --only-binary :all:" in line or "--no-index --no-deps" in line


def test_config_php_gives_php_a_fallback_only_where_it_may_read_the_settings(tmp_path: Path) -> None:
    """Moodle itself is not here: setup.php prints what it was given."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "setup.php").write_text("<?php echo json_encode($CFG);")
    settings = tmp_path / "php.env"
    text = (FOLDER / "moodle-config.php").read_text()
    (tmp_path / "config.php").write_text(text.replace("/run/openai-moodle-sidecar/php.env", str(settings)))
    (tmp_path / "password").write_text("secret\n")
    environment = {"MOODLE_DATABASE_PASSWORD_FILE": str(tmp_path / "password"), "MOODLE_URL": "http://m.example"}

    def read() -> Any:
        command = ["php", "config.php"]
        return json.loads(
            subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True).stdout
        )

    config = read()
    assert (config["dbpass"], config["wwwroot"]) == ("secret", "http://m.example")
    assert "forced_plugin_settings" not in config
    settings.touch()
    forced = read()["forced_plugin_settings"]["local_aisidecar"]
    assert forced == {
        "command": ["/usr/local/bin/openai-moodle-sidecar", "stdio"],
        "environment": {"SIDECAR_ENV_FILE": str(settings)},
    }
