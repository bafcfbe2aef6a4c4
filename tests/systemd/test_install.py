"""scripts/install below a directory. Only the build, which takes half a minute, is played: it is that of the images."""

import os
import shutil
import stat
import subprocess
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest

from tests.e2e.program import CHECKOUT

NAME = "openai-moodle-sidecar"
KEY = "sk-canary-Jw7RtB3x"

# Makes what the real one makes, but empty.
BUILD = """#!/bin/sh
mkdir -p "$2/bin"
printf '#!%s/bin/python\\nprint("built")\\n' "$2" >"$2/bin/openai-moodle-sidecar"
chmod +x "$2/bin/openai-moodle-sidecar"
"""


class House:
    """A checkout, and a file system to install into."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "checkout"
        self.root = folder / "root"
        for part in ("scripts", "container/systemd", "requirements", "protocol", "sidecar"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(CHECKOUT / part, self.checkout / part, ignore=ignored)
        for file in ("LICENSE", "pyproject.toml"):
            shutil.copy(CHECKOUT / file, self.checkout)
        (self.checkout / "container" / "make-venv.sh").write_text(BUILD)
        (self.root / "etc").mkdir(parents=True)
        (self.root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (self.root / "etc" / "group").write_text("root:x:0:\nwww-data:x:33:\nphp:x:82:\n")

    @property
    def settings(self) -> Path:
        return self.root / "etc" / NAME / ".env"

    @property
    def key(self) -> Path:
        return self.root / "etc" / NAME / "openai_api_key"

    @property
    def opt(self) -> Path:
        return self.root / "opt" / NAME

    def install(self, *options: str, status: int = 0) -> str:
        command = [str(self.checkout / "scripts" / "install"), "--root", str(self.root), *options]
        ran = subprocess.run(command, stdout=PIPE, stderr=STDOUT, text=True, timeout=60, check=False)
        assert ran.returncode == status, ran.stdout
        return ran.stdout

    def change(self) -> None:
        """Make another version of the program."""
        with (self.checkout / "sidecar" / "errors.py").open("a") as file:
            file.write("# another\n")

    def files(self) -> set[str]:
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*") if not path.is_dir()}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_it_puts_everything_there_and_once_more_changes_nothing(house: House) -> None:
    said = house.install("--group", "php", "--web-group", "www-data")
    assert "The current version is 0.1.0-" in said
    program = house.opt / "current" / "bin" / NAME
    assert program.read_text().startswith(f"#!/opt/{NAME}/0.1.0-")
    units = house.root / "etc" / "systemd" / "system"
    assert "SocketGroup=php" in (units / f"{NAME}.socket").read_text()
    assert "SocketGroup=www-data" in (units / f"{NAME}-web.socket").read_text()
    assert f"php:x:82:{NAME}" in (house.root / "etc" / "group").read_text()
    assert stat.S_IMODE(house.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(house.settings.stat().st_mode) == 0o640
    assert os.access(house.root / "usr" / "local" / "bin" / NAME, os.X_OK)

    before = house.files()
    again = house.install()  # the groups stay as they were, too
    assert "wrote" not in again
    assert "Building" not in again
    assert house.files() == before


@pytest.mark.parametrize("quote", ["", '"'])
def test_the_settings_of_the_older_sidecar_are_taken_over_and_their_key_is_put_away(house: House, quote: str) -> None:
    old = house.checkout / ".env"
    old.write_text(f"# OpenAI\nOPENAI_API_KEY={quote}{KEY}{quote}\nOPENAI_MODEL=adorsys\nSIDECAR_TCP=127.0.0.1:9000\n")
    said = house.install()
    assert "took the settings" in said
    assert KEY not in said
    assert house.key.read_text() == f"{KEY}\n"
    settings = house.settings.read_text()
    assert KEY not in settings
    assert "OPENAI_MODEL=adorsys\nSIDECAR_TCP=127.0.0.1:9000\n" in settings
    assert f"SIDECAR_LOG_FILE=/var/log/{NAME}/sidecar.log" in settings
    assert "SIDECAR_TCP=off" not in settings
    assert stat.S_IMODE(house.key.stat().st_mode) == 0o600


def test_what_is_there_is_never_written_over(house: House, tmp_path: Path) -> None:
    house.install()
    house.settings.write_text("OPENAI_MODEL=mine\n")
    house.key.write_text(KEY)
    (tmp_path / "other.env").write_text("OPENAI_MODEL=other\n")
    assert "was not taken over" in house.install("--env", str(tmp_path / "other.env"))
    assert house.settings.read_text() == "OPENAI_MODEL=mine\n"
    assert house.key.read_text() == KEY


def test_a_new_version_stands_beside_the_one_before_which_can_be_had_again(house: House) -> None:
    house.install()
    releases = []
    for _ in range(2):
        releases.append((house.opt / "current").readlink())
        house.change()
        house.install()
    assert (house.opt / "previous").readlink() == releases[-1]
    assert len([path for path in house.opt.iterdir() if not path.is_symlink()]) == 2
    newest = (house.opt / "current").readlink()
    house.install("--rollback")
    assert (house.opt / "current").readlink() == releases[-1]
    house.install("--rollback")
    assert (house.opt / "current").readlink() == newest


def test_without_a_version_before_there_is_no_way_back(house: House) -> None:
    house.install()
    assert "There is no version before" in house.install("--rollback", status=69)


def test_it_takes_away_what_it_has_put_there_and_the_rest_when_told_so(house: House) -> None:
    before = house.files()
    house.install()
    house.install("--uninstall")
    left = house.files() - before
    assert {f"etc/{NAME}/.env", f"etc/{NAME}/openai_api_key"} <= left
    assert not [path for path in left if NAME in path and not path.startswith(f"etc/{NAME}/")]
    house.install("--uninstall", "--purge")
    assert not [path for path in house.files() if NAME in path]
    assert NAME not in (house.root / "etc" / "passwd").read_text()


@pytest.mark.parametrize("options", [["--what"], ["--group"]])
def test_a_wrong_option_is_answered_with_how_it_is_used(house: House, options: list[str]) -> None:
    assert "usage: scripts/install" in house.install(*options, status=64)


def test_help_says_what_it_makes(house: House) -> None:
    assert "/etc/openai-moodle-sidecar" in house.install("--help")
