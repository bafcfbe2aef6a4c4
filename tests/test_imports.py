"""The order of the house, as docs/design.md draws it: imports point one way."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]

# A part imports what stands in lines below its own, and itself. Those in one line know nothing of each other.
ORDER = """
sidecar.__main__
sidecar.cli
sidecar.client sidecar.beside
sidecar.app
sidecar.reloading sidecar.acceptor
sidecar.configuration sidecar.assembly sidecar.listeners sidecar.reception
sidecar.connections
sidecar.transports sidecar.dialects
sidecar.session
sidecar.service
sidecar.replies sidecar.actions
sidecar.providers
sidecar.http_pool sidecar.usage
sidecar.settings sidecar.observability
sidecar.texts
sidecar.errors sidecar.secret sidecar.unprinted sidecar.process sidecar.notifying sidecar.asyncio_clock
sidecar
protocol
"""
LINE_OF = {part: number for number, line in enumerate(ORDER.split("\n")) for part in line.split()}

# What is behind a door of its own: whoever else needs it asks there.
ONLY_IN: dict[str, str | tuple[str, ...]] = {
    "asyncio": "a file with asyncio in its name, which says what that buys",
    "trio": "the tests",
    "httpx": ("sidecar/http_pool/httpx_transport.py", "sidecar/providers/catalogue.py"),
    "httptools": "sidecar/http_pool/parsing.py",
    "decouple": "sidecar/settings/reading.py",
    "argparse": "sidecar/cli",
    "prometheus_client": "sidecar/observability/exposition.py",
    "h11": "sidecar/dialects/http/reader.py",
}

MAX_LINES = 300


def files(*folders: str) -> list[Path]:
    return sorted(path.relative_to(CHECKOUT) for folder in folders for path in (CHECKOUT / folder).rglob("*.py"))


def imports_of(file: Path) -> Iterator[str]:
    """Give the name of every module that `file` imports anywhere, within functions too."""
    for node in ast.walk(ast.parse((CHECKOUT / file).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{file}: a relative import"
            # From a package one imports its names, and modules as well.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part_of(module: str) -> str:
    """Return the part of the house that a module, or a name in it, belongs to."""
    names = module.split(".")
    return next(part for size in (2, 1) if (part := ".".join(names[:size])) in LINE_OF)


def module_of(file: Path) -> str:
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("file", files("protocol", "sidecar"), ids=str)
def test_imports_point_one_way(file: Path) -> None:
    own = part_of(module_of(file))
    assert own != "sidecar" or file == Path("sidecar/__init__.py"), f"{module_of(file)} is not in the table"
    others = {part_of(name) for name in imports_of(file) if name.split(".")[0] in ("protocol", "sidecar")} - {own}
    assert {part for part in others if LINE_OF[part] <= LINE_OF[own]} == set()


@pytest.mark.parametrize("file", files("protocol"), ids=str)
def test_the_protocol_is_pure(file: Path) -> None:
    foreign = {name.split(".")[0] for name in imports_of(file)} - sys.stdlib_module_names
    assert foreign <= {"protocol", "msgspec"}
    assert not {"os", "socket", "time", "threading", "subprocess"} & {name.split(".")[0] for name in imports_of(file)}


@pytest.mark.parametrize("file", files("sidecar"), ids=str)
def test_what_has_a_door_of_its_own_is_imported_nowhere_else(file: Path) -> None:
    for name in {name.split(".")[0] for name in imports_of(file)} & ONLY_IN.keys():
        is_at_home = f"{file}".startswith(ONLY_IN[name]) or (name == "asyncio" and "asyncio" in file.stem)
        assert is_at_home, f"{file} imports {name}, which belongs in {ONLY_IN[name]}"


def test_every_part_of_the_table_exists() -> None:
    assert {part_of(module_of(file)) for file in files("protocol", "sidecar")} == LINE_OF.keys()


def test_a_file_is_short_enough_to_be_read() -> None:
    lengths = {
        str(file): (CHECKOUT / file).read_text().count("\n") for file in files("protocol", "sidecar", "bench", "tests")
    }
    assert {file: lines for file, lines in lengths.items() if lines > MAX_LINES} == {}
