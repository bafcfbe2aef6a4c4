"""scripts/install below a directory. Only the build, which takes half a minute, is played: it is that of the images."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest

from sidecar.settings import load_settings
from tests.e2e.program import CHECKOUT

NAME = "openai-moodle-sidecar"
KEY = "sk-canary-Jw7RtB3x"

# Makes what the real one makes, but empty; and says by what.
BUILD = """#!/bin/sh
mkdir -p "$2/bin"
echo "$3" >"$2/python"
printf '#!%s/bin/python\\nprint("built")\\n' "$2" >"$2/bin/openai-moodle-sidecar"
chmod +x "$2/bin/openai-moodle-sidecar"
"""


class House:
    """A checkout, and a file system to install into."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.python = python
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

    def install(self, *options: str, status: int = 0, python: Path | None = None, umask: int = -1) -> str:
        command = [str(self.checkout / "scripts" / "install"), "--root", str(self.root), *options]
        environment = os.environ | {"PYTHON": str(python or self.python)}
        ran = subprocess.run(
            command, stdout=PIPE, stderr=STDOUT, text=True, timeout=60, check=False, env=environment, umask=umask
        )
        assert ran.returncode == status, ran.stdout
        return ran.stdout

    def change(self) -> None:
        """Make another version of the program."""
        with (self.checkout / "sidecar" / "errors.py").open("a") as file:
            file.write("# another\n")

    def files(self) -> set[str]:
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*") if not path.is_dir()}


@pytest.fixture(scope="session")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that the service can see: ours may be in somebody's home."""
    ours = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    return Path(shutil.copy(ours, tmp_path_factory.mktemp("python")))


@pytest.fixture
def house(tmp_path: Path, interpreter: Path) -> House:
    return House(tmp_path, interpreter)


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


@pytest.mark.parametrize(
    "line",
    [
        "OPENAI_API_KEY=%s",
        'OPENAI_API_KEY="%s"',
        "OPENAI_API_KEY = '%s'",
        "  OPENAI_API_KEY\t=%s \r",
        "export OPENAI_API_KEY=%s",
        "OPENAI_API_KEY=sk-of-last-year\nOPENAI_API_KEY= %s",
    ],
)
def test_the_settings_of_the_older_sidecar_are_taken_over_and_their_key_is_put_away(house: House, line: str) -> None:
    old = house.checkout / ".env"
    old.write_text(f"# OpenAI\n{line % KEY}\nOPENAI_MODEL=adorsys\nSIDECAR_TCP=127.0.0.1:9000\n")
    said = house.install()
    assert "took the settings" in said
    assert KEY not in said
    assert house.key.read_text() == f"{KEY}\n"
    settings = house.settings.read_text()
    assert KEY not in settings
    assert "OPENAI_MODEL=adorsys\nSIDECAR_TCP=127.0.0.1:9000\n" in settings
    assert f"SIDECAR_LOG_FILE=/var/log/{NAME}/sidecar.log" in settings
    assert "SIDECAR_TCP=off" not in settings
    assert "sk-" not in settings
    assert stat.S_IMODE(house.key.stat().st_mode) == 0o600
    assert "  the key:" not in said, "nobody is told to write what is there"


def test_the_settings_are_taken_over_as_the_sidecar_spells_them(house: House) -> None:
    (house.checkout / ".env").write_text(
        f"\ufeffOPENAI_API_KEY={KEY}\r\nexport OPENAI_MODEL='mine'\r\n SIDECAR_TCP = off\r\n"
    )
    house.install()
    assert house.key.read_text() == f"{KEY}\n"
    settings = load_settings(env_file=house.settings)
    assert (settings.model, settings.tcp, settings.api_keys) == ("mine", None, ())
    assert house.settings.read_text().count("SIDECAR_TCP") == 1


def test_settings_without_a_key_bring_none(house: House) -> None:
    (house.checkout / ".env").write_text("OPENAI_API_KEY=\nSIDECAR_PROVIDER=demo\n")
    said = house.install()
    assert "and the key to" not in said
    assert "  the key:       write it into" in said
    assert house.key.read_text() == ""


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


def test_a_key_that_is_there_is_not_written_over_either(house: House) -> None:
    house.install()
    house.settings.unlink()
    house.key.write_text("sk-mine\n")
    (house.checkout / ".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    assert "the key in" in house.install()
    assert house.key.read_text() == "sk-mine\n"
    assert KEY not in house.settings.read_text()


@pytest.mark.parametrize("option", ["--group", "--web-group"])
@pytest.mark.parametrize("group", ["www-dat", "33", "www.data"])
def test_a_group_that_is_not_there_is_refused_before_anything_is_made(house: House, option: str, group: str) -> None:
    before = house.files()
    assert f"There is no group {group} in {house.root}/etc/group." in house.install(option, group, status=69)
    assert house.files() == before


def test_it_is_built_by_the_interpreter_that_was_looked_at(house: House, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(house.python)
    house.install(python=tmp_path / "link")
    assert (house.opt / "current" / "python").read_text() == f"{house.python}\n"


@pytest.mark.parametrize("home", ["/root/.pyenv/versions/3.12.1", "/home/anna", "/run/user/1000"])
def test_an_interpreter_that_the_service_cannot_see_is_refused(house: House, tmp_path: Path, home: str) -> None:
    """It is played: nobody's home has one for us."""
    shim = tmp_path / "python3"
    shim.write_text(f'#!/bin/sh\ncase "$*" in *realpath*) echo {home}/bin/python3 ;; esac\n')
    shim.chmod(0o755)
    said = house.install(python=shim, status=69)
    assert f"{home}/bin/python3 will not do" in said
    assert "PYTHON=/usr/bin/python3 scripts/install" in said
    assert not house.opt.exists()


def test_a_build_that_fails_says_so_and_leaves_what_is_installed(house: House) -> None:
    house.install()
    before = (house.opt / "current").readlink()
    house.change()
    (house.checkout / "container" / "make-venv.sh").write_text("echo no network >&2; exit 1\n")
    said = house.install(status=69)
    assert re.search(r"no network\n0\.1\.0-\w+ was not built: see above", said)
    assert (house.opt / "current").readlink() == before


def test_the_service_can_read_the_program_whatever_umask_root_has(house: House) -> None:
    house.install(umask=0o077)
    for path in (house.opt, house.opt / "current" / "bin" / NAME, house.root / "usr" / "local" / "bin" / NAME):
        assert stat.S_IMODE(path.stat().st_mode) == 0o755, path
    assert stat.S_IMODE(house.key.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--what"], "There is no option --what."),
        (["--group"], "--group lacks its value."),
        (["--purge"], "--purge goes with --uninstall."),
        (["--rollback", "--purge"], "--purge goes with --uninstall."),
        (["--rollback", "--group", "php"], "are for installing, not for --rollback."),
        (["--uninstall", "--env", "/dev/null"], "are for installing, not for --uninstall."),
        (["--uninstall", "--rollback"], "One thing at a time: --uninstall or --rollback."),
    ],
)
def test_a_wrong_option_is_answered_with_what_is_wrong(house: House, options: list[str], reason: str) -> None:
    before = house.files()
    assert f"{reason} scripts/install --help says more." in house.install(*options, status=64)
    assert house.files() == before


def test_help_says_what_it_makes(house: House) -> None:
    assert "/etc/openai-moodle-sidecar" in house.install("--help")
