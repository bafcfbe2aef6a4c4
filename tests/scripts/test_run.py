"""scripts/run on a fresh copy of this checkout: the first command that a new user types."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sidecar import __version__

CHECKOUT = Path(__file__).parents[2]
VERSION_LINE = f"openai-moodle-sidecar {__version__}\n"

# A set-up takes 6 s on two cores; a slow package index may need far longer.
SET_UP_SECONDS = 300
NOBODY = 65534


def copy_checkout(target: Path) -> None:
    """Copy what git knows, and what it would take, into `target`."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    output = subprocess.run(listing, cwd=CHECKOUT, check=True, capture_output=True, text=True, timeout=30).stdout
    for name in output.rstrip("\0").split("\0"):
        if (CHECKOUT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, target / name)


def bare_environment() -> dict[str, str]:
    """Return what a command needs to find Python and packages, and nothing else of ours."""
    kept = ("HOME", "PATH", "PYTHON")
    return {name: value for name, value in os.environ.items() if name in kept or name.startswith("PIP_")}


def run(*command: str | Path, stdin: str = "", cwd: Path = Path("/"), **extra: str) -> subprocess.CompletedProcess[str]:
    """Run `command` with `extra` in its environment, and bounded in time."""
    environment = bare_environment() | extra
    return subprocess.run(
        command, input=stdin, cwd=cwd, env=environment, capture_output=True, text=True, timeout=SET_UP_SECONDS
    )


def stamps(checkout: Path) -> dict[str, int]:
    """Return when each stamp of `.venv` was written."""
    return {path.name: path.stat().st_mtime_ns for path in (checkout / ".venv").glob(".stamp-*")}


def site_packages(checkout: Path) -> Path:
    [path] = (checkout / ".venv" / "lib").glob("python3.*/site-packages")
    return path


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A copy of the checkout, in a path with spaces, and what the first scripts/run in it gave."""
    checkout = tmp_path_factory.mktemp("a fresh check out")
    copy_checkout(checkout)
    return checkout, run(checkout / "scripts/run", "--version")


@pytest.fixture
def checkout(first_run: tuple[Path, subprocess.CompletedProcess[str]]) -> Path:
    """The copy, set up."""
    checkout, result = first_run
    assert result.returncode == 0, result.stderr
    return checkout


def test_the_first_run_sets_up_and_leaves_stdout_to_the_program(
    first_run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, result = first_run
    assert (result.returncode, result.stdout) == (0, VERSION_LINE), result.stderr
    assert "Setting up .venv" in result.stderr


def test_the_second_run_does_nothing_but_run(checkout: Path) -> None:
    before = stamps(checkout)
    result = run(checkout / "scripts/run", "--version")
    assert (result.returncode, result.stdout, result.stderr) == (0, VERSION_LINE, "")
    assert stamps(checkout) == before
    assert before.keys() == {".stamp-dependencies", ".stamp-package"}


def test_all_of_the_package_is_installed_and_nothing_of_the_tests(checkout: Path) -> None:
    installed = site_packages(checkout)
    patterns = ("protocol/**/*.py", "protocol/vectors/**/*", "sidecar/**/*.py")
    needed = [path for pattern in patterns for path in checkout.glob(pattern)]
    missing = [path for path in needed if not (installed / path.relative_to(checkout)).exists()]
    assert missing == [], "a folder without __init__.py is not installed"
    assert (installed / "protocol/SPEC.md").is_file()
    assert not any((installed / name).exists() for name in ("trio", "pytest", "hypothesis", "tests"))


def test_changed_sources_are_installed_and_the_dependencies_left_alone(checkout: Path) -> None:
    before = stamps(checkout)
    package = checkout / "sidecar/__init__.py"
    passing = checkout / "sidecar/passing.py"
    original = package.read_text()

    package.write_text(original + '\n__version__ = "99.0.0"\n')
    passing.touch()
    assert run(checkout / "scripts/run", "--version").stdout == "openai-moodle-sidecar 99.0.0\n"
    assert (site_packages(checkout) / "sidecar/passing.py").exists()

    package.write_text(original)
    passing.unlink()
    result = run(checkout / "scripts/run", "--version")
    assert result.stdout == VERSION_LINE
    assert "Setting up" not in result.stderr
    assert not (site_packages(checkout) / "sidecar/passing.py").exists()

    after = stamps(checkout)
    assert after[".stamp-dependencies"] == before[".stamp-dependencies"]
    assert after[".stamp-package"] > before[".stamp-package"]


def test_two_at_once_after_a_changed_lock_share_one_set_up(checkout: Path) -> None:
    with (checkout / "requirements/run.txt").open("a") as lock:
        lock.write("# changed\n")
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(run, checkout / "scripts/run", "--version") for _ in range(2)]
    results = [future.result() for future in both]
    assert [result.stdout for result in results] == [VERSION_LINE, VERSION_LINE]
    assert sum("Setting up" in result.stderr for result in results) == 1


@pytest.mark.parametrize(("given", "passed_on"), [({}, "demo"), ({"SIDECAR_PROVIDER_IF_UNSET": ""}, "")])
def test_the_program_gets_arguments_stdin_directory_and_provider(
    checkout: Path, tmp_path: Path, given: dict[str, str], passed_on: str
) -> None:
    program = checkout / ".venv/bin/openai-moodle-sidecar"
    original = program.read_bytes()
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$SIDECAR_PROVIDER_IF_UNSET" "$PWD" "$@"\ncat\n')
    try:
        (tmp_path / "link").symlink_to(checkout / "scripts/run")
        result = run(tmp_path / "link", "chat", "two  words", "", stdin="a question", cwd=tmp_path, **given)
    finally:
        program.write_bytes(original)
    assert result.stdout == f"{passed_on}\n{tmp_path}\nchat\ntwo  words\n\na question", result.stderr


@pytest.fixture
def public_directory() -> Iterator[Path]:
    """A directory that every user may read: pytest's own are private."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory


def test_without_a_usable_python_a_user_is_told_what_to_install(public_directory: Path) -> None:
    copy_checkout(public_directory)
    commands = public_directory / "bin"
    commands.mkdir()
    # As on a bare Debian: these Pythons are new enough, but ensurepip is not there.
    for name in ("python3", "python3.13", "python3.12", "python3.11", "apt-get"):
        (commands / name).write_text('#!/bin/sh\ncase "$*" in *ensurepip*|*venv*) exit 1;; esac\n')
        (commands / name).chmod(0o755)

    as_nobody = []
    if os.geteuid() == 0:
        as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        os.chown(public_directory, NOBODY, NOBODY)
    result = run(*as_nobody, public_directory / "scripts/run", PATH=f"{commands}:{os.environ['PATH']}", PYTHON="")
    assert (result.returncode, result.stdout) == (69, "")
    assert result.stderr.splitlines()[-1].strip() == "sudo apt-get install python3-venv"


@pytest.mark.parametrize("lock", ["build.txt", "dev.txt", "run.txt"])
def test_a_lock_names_versions_and_hashes_but_no_index(lock: str) -> None:
    text = (CHECKOUT / "requirements" / lock).read_text()
    assert "--hash=sha256:" in text
    for word in ("://", "index", "find-links", "trusted-host"):
        assert word not in text
