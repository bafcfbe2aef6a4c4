"""Takes SPEC.md apart: its sections, tables and examples."""

import re
from pathlib import Path
from typing import NamedTuple

import protocol

TEXT = (Path(protocol.__file__).parent / "SPEC.md").read_text()


class Table(NamedTuple):
    """A table of a section, its cells without backquotes."""

    header: list[str]
    rows: list[dict[str, str]]

    def column(self, name: str) -> list[str]:
        return [row[name] for row in self.rows]


def sections() -> dict[str, str]:
    """Return the text of each numbered section by its number, without its subsections."""
    parts = re.split(r"^##+ (\d+(?:\.\d+)?)\.? .*$", TEXT, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def tables(section: str) -> list[Table]:
    """Return the tables of a section."""
    found = re.findall(r"(?:^\|.*\n)+", sections()[section], flags=re.MULTILINE)
    return [_table(lines.splitlines()) for lines in found]


def _table(lines: list[str]) -> Table:
    header, _, *rows = [
        [cell.replace("`", "").replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines
    ]
    return Table(header, [dict(zip(header, row, strict=True)) for row in rows])


def examples(language: str) -> list[str]:
    """Return the contents of all fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
