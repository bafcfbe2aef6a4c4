"""Moodle's own files: a copy for each site, so that several can have another config.php and plugin at once."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Self

from tests.moodle.site.processes import give

PLUGIN = "local_aisidecar"


class Tree:
    """A copy of a Moodle. `public` is what the web server shows of it: from 5.1 on a folder of that name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.public = _public(folder)
        self.plugin = self.public / "local" / "aisidecar"
        self.release, self.version = _version(folder)

    @classmethod
    def copied(cls, source: Path, folder: Path) -> Self:
        """Copy `source` to `folder`, as links where it is on the same file system: nothing writes to these files."""
        if subprocess.run(["cp", "-al", source, folder], capture_output=True).returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run(["cp", "-a", source, folder], check=True)
        return cls(folder)

    def configure(self, lines: str) -> None:
        """Write config.php."""
        config = self.folder / "config.php"
        config.unlink(missing_ok=True)
        config.write_text(
            f"<?php\nunset($CFG);\nglobal $CFG;\n$CFG = new stdClass();\n{lines}\n"
            "require_once(__DIR__ . '/lib/setup.php');\n"
        )
        give(config)


def is_moodle(source: Path) -> bool:
    return (_public(source) / "version.php").is_file()


def _public(folder: Path) -> Path:
    return folder / "public" if (folder / "public" / "version.php").is_file() else folder


def _version(source: Path) -> tuple[str, str]:
    written = (_public(source) / "version.php").read_text()
    release, version = (
        re.search(rf"^\${name}\s*=\s*['\"]?([0-9.]+)", written, re.MULTILINE) for name in ("release", "version")
    )
    assert release, f"{source} has a version.php that is not Moodle's"
    assert version
    return release[1], version[1]
