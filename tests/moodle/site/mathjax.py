"""MathJax as a site of a school's own has it: the version that this Moodle loads, from its own web server.

It is no part of Moodle, which takes it from a public network, nor of this project: npm brings it, and it is kept.
"""

import re
import subprocess
import tempfile
from pathlib import Path

from tests.moodle.site.moodle import Site
from tests.moodle.site.processes import Failed

# What Moodle's setting says unless somebody changes it: .../npm/mathjax@3.2.2/es5/tex-mml-chtml.js
_ADDRESS = re.compile(r"/(mathjax@([\d.]+))/([\w./-]+)$")


def give_mathjax(site: Site, kept: Path) -> None:
    """Let the site load its MathJax from itself.

    Raises:
        Failed: it is not kept, and npm does not bring it.
    """
    said = site.cli.php("admin/cli/cfg.php", "--component=filter_mathjaxloader", "--name=httpsurl").strip()
    found = _ADDRESS.search(said)
    assert found, f"Moodle's setting is {said!r}"
    name, version, script = found.groups()
    folder = _fetch(version, kept) / "package"
    place = site.tree.public / name
    place.unlink(missing_ok=True)
    place.symlink_to(folder)
    site.cli.set("httpsurl", f"{site.url}/{name}/{script}", component="filter_mathjaxloader")


def _fetch(version: str, kept: Path) -> Path:
    folder = kept / f"mathjax-{version}"
    if not folder.is_dir():
        kept.mkdir(parents=True, exist_ok=True)
        package = kept / f"mathjax-{version}.tgz"
        if not package.is_file():
            command = ["npm", "pack", f"mathjax@{version}", "--silent", f"--pack-destination={kept}"]
            done = subprocess.run(command, capture_output=True, text=True, cwd=kept)
            if done.returncode != 0:
                raise Failed(
                    f"MathJax {version} cannot be had, so nobody knows whether formulas are set. npm says:\n"
                    f"{done.stderr}\nWhere no registry of npm can be reached, put the package at {package}."
                )
        making = Path(tempfile.mkdtemp(dir=kept, prefix="making-"))
        making.chmod(0o755)
        subprocess.run(["tar", "-xzf", package, "-C", making, "--no-same-owner"], check=True)
        making.rename(folder)
    return folder
