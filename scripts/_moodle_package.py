"""Makes the plugin for Moodle from this checkout, with the PHP client inside: as a zip, or as a folder."""

import argparse
import json
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

FOLDER = "aisidecar"
ZIP = "local_aisidecar.zip"

# A file of a zip has a date: the first that it can have, so that the same sources give the same bytes.
DATE = (1980, 1, 1, 0, 0, 0)

_UNWANTED = (".git", ".gitignore", "node_modules", "__pycache__", ".DS_Store", ".phpunit.result.cache")

HELP = f"""\
Makes {ZIP}, which a Moodle installs under Site administration > Plugins > Install plugins: the
plugin of moodle/local_aisidecar with the PHP client of moodle/client in its folder client/.
The same sources always give the same bytes.
"""


def main() -> int:
    """Return the exit status: 65 where something in the sources is not fit to be given away."""
    parser = argparse.ArgumentParser(
        prog="scripts/moodle-package", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--output", type=Path, metavar="FILE", default=Path(ZIP), help=f"the zip (here: {ZIP})")
    where.add_argument(
        "--into", type=Path, metavar="DIR", help="write the folder to DIR instead, in place of what is there"
    )
    parser.add_argument("--from", dest="checkout", type=Path, metavar="DIR", default=Path(__file__).parents[1],
                        help="another checkout to take it from")  # fmt: skip
    parser.add_argument(
        "--stale", action="store_true", help="also where builds of JavaScript are older than their sources"
    )
    wanted = parser.parse_args()
    plugin = wanted.checkout / "moodle" / "local_aisidecar"
    if not (plugin / "version.php").is_file():
        return _complain(f"{plugin} has no version.php: the plugin is not there.")
    if (stale := list(stale_builds(plugin))) and not wanted.stale:
        return _complain(
            *(f"{name} is not built from amd/src as it is now." for name in stale),
            "Build it as Moodle does, in a Moodle with the plugin in local/aisidecar: `npx grunt amd`,",
            f"and copy amd/build back to {plugin}/amd/build.",
        )
    files = dict(sorted(contents(wanted.checkout)))
    if wanted.into is not None:
        write_folder(files, wanted.into)
        print(f"{wanted.into}: {len(files)} files")
    else:
        write_zip(files, wanted.output)
        print(f"{wanted.output}: {len(files)} files, {wanted.output.stat().st_size:,} bytes")
    return 0


def contents(checkout: Path) -> Iterator[tuple[str, Path]]:
    """Give each file's name in the plugin's folder, and where it is in the checkout."""
    plugin = checkout / "moodle" / "local_aisidecar"
    for path in _files(plugin):
        yield str(path.relative_to(plugin)), path
    client = checkout / "moodle" / "client"
    yield "client/autoload.php", client / "autoload.php"
    for path in _files(client / "src"):
        yield f"client/{path.relative_to(client)}", path
    # The page that tests streaming shows them.
    for name in ("nginx-sidecar.conf", "apache-sidecar.conf"):
        yield f"webserver/{name}", checkout / "container" / name
    # Both are under it; what is given away brings it along.
    yield "LICENSE", checkout / "LICENSE"
    yield "client/LICENSE", checkout / "LICENSE"


def stale_builds(plugin: Path) -> Iterator[str]:
    """Give the builds that are missing, or whose source map holds another source than amd/src."""
    sources = {path.stem: path for path in _files(plugin / "amd" / "src") if path.suffix == ".js"}
    for name, source in sorted(sources.items()):
        build = plugin / "amd" / "build" / f"{name}.min.js"
        source_map = build.with_name(f"{name}.min.js.map")
        is_there = build.is_file() and source_map.is_file()
        if not is_there or json.loads(source_map.read_text())["sourcesContent"] != [source.read_text()]:
            yield f"amd/build/{name}.min.js"
    for build in _files(plugin / "amd" / "build"):
        if build.name.split(".")[0] not in sources:
            yield f"amd/build/{build.name}"


def write_zip(files: dict[str, Path], output: Path) -> None:
    """Write them uncompressed: what compresses is not the same on every machine."""
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:
        for name, path in files.items():
            entry = zipfile.ZipInfo(f"{FOLDER}/{name}", DATE)
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3  # Unix, wherever it is made
            archive.writestr(entry, path.read_bytes())


def write_folder(files: dict[str, Path], folder: Path) -> None:
    """Write them in place of what is in `folder`."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "version.php").is_file():
        raise SystemExit(f"{folder} is there and is no plugin: nothing was written.")
    shutil.rmtree(folder, ignore_errors=True)
    for name, path in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file() and not any(part in _UNWANTED for part in path.relative_to(folder).parts):
            yield path


def _complain(*lines: str) -> int:
    print(*lines, sep="\n", file=sys.stderr)
    return 65


if __name__ == "__main__":
    sys.exit(main())
