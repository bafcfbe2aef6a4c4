"""The package, made once by the script that makes it, and opened."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
PLUGIN = CHECKOUT / "moodle" / "local_aisidecar"


def package(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [CHECKOUT / "scripts" / "moodle-package", *arguments]
    return subprocess.run(command, check=check, capture_output=True, text=True)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "local_aisidecar.zip"
    package("--output", path)
    return path


@pytest.fixture(scope="session")
def installed(archive: Path) -> Path:
    """The folder that Moodle makes of it."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(archive.parent)
    return archive.with_name("aisidecar")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Another checkout, for tests that change something in it."""
    for folder in ("moodle", "container"):
        shutil.copytree(CHECKOUT / folder, tmp_path / folder)
    shutil.copy(CHECKOUT / "LICENSE", tmp_path)
    return tmp_path
