"""scripts/moodle-package makes what a Moodle installs, and nothing else."""

import json
import os
import zipfile
from pathlib import Path

from tests.moodle.package.conftest import CHECKOUT, PLUGIN, package


def test_everything_is_in_the_folder_that_moodle_expects(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        assert opened.testzip() is None
    assert all(name.startswith("aisidecar/") for name in names)
    for needed in (
        "version.php",
        "LICENSE",
        "README.md",
        "client/autoload.php",
        "client/src/Client.php",
        "client/LICENSE",
    ):
        assert f"aisidecar/{needed}" in names
    assert not [name for name in names if ".git" in name or "node_modules" in name]


def test_the_same_sources_give_the_same_bytes(archive: Path, checkout: Path) -> None:
    again = checkout / "again.zip"
    for path in checkout.rglob("*.php"):
        os.utime(path, (0, 0))
        path.chmod(0o600)
    package("--from", checkout, "--output", again)
    assert again.read_bytes() == archive.read_bytes()


def test_into_writes_the_folder_itself_in_place_of_an_older_one(installed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "local" / "aisidecar"
    package("--into", folder)
    (folder / "removed_since.php").write_text("<?php\n")
    package("--into", folder)
    assert _files(folder) == _files(installed)


def test_a_folder_that_is_no_plugin_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("a year of work")
    refused = package("--into", tmp_path, check=False)
    assert refused.returncode != 0
    assert "nothing was written" in refused.stderr
    assert _files(tmp_path) == ["thesis.txt"]


def test_a_build_older_than_its_source_is_refused_by_name(checkout: Path) -> None:
    source = next((checkout / "moodle" / "local_aisidecar" / "amd" / "src").glob("*.js"))
    source.write_text(source.read_text() + "// Edited.\n")
    refused = package("--from", checkout, "--output", checkout / "stale.zip", check=False)
    assert refused.returncode == 65
    assert f"amd/build/{source.stem}.min.js is not built from amd/src" in refused.stderr
    assert "grunt amd" in refused.stderr
    assert not (checkout / "stale.zip").exists()


def test_a_build_whose_source_is_gone_is_refused(checkout: Path) -> None:
    source = next((checkout / "moodle" / "local_aisidecar" / "amd" / "src").glob("*.js"))
    source.unlink()
    refused = package("--from", checkout, "--output", checkout / "stale.zip", check=False)
    assert refused.returncode == 65
    assert f"amd/build/{source.stem}.min.js" in refused.stderr


def test_the_builds_in_the_repository_are_those_of_its_sources() -> None:
    sources = {path.stem: path.read_text() for path in (PLUGIN / "amd" / "src").glob("*.js")}
    maps = {
        path.name.removesuffix(".min.js.map"): json.loads(path.read_text())["sourcesContent"]
        for path in (PLUGIN / "amd" / "build").glob("*.min.js.map")
    }
    assert sources
    assert maps == {name: [source] for name, source in sources.items()}


def test_help_says_what_it_makes() -> None:
    assert "Install plugins" in package("--help").stdout


def test_the_licence_is_that_of_the_project(installed: Path) -> None:
    licence = (CHECKOUT / "LICENSE").read_bytes()
    assert (installed / "LICENSE").read_bytes() == (installed / "client" / "LICENSE").read_bytes() == licence


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
