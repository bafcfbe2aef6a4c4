"""The golden files themselves: their form, their names, and which faults they cover."""

import re

import msgspec
import pytest

from tests.protocol.vectors import FILES, FOLDER, DetectVector, Vector, expand, load

# The rows of the fault matrix that can be told from bytes alone.
_ROWS = {f"C{row}" for row in (*range(12, 17), *range(22, 47))}


def test_every_file_is_named_in_the_readme_and_known_to_the_tests() -> None:
    found = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.json")}
    named = set(re.findall(r"`([a-z/]+\.json)`", (FOLDER / "README.md").read_text()))
    assert found == set(FILES)
    assert found == named


@pytest.mark.parametrize(("path", "kind"), FILES.items())
def test_a_file_is_small_ascii_and_has_one_name_for_one_vector(path: str, kind: type[Vector]) -> None:
    written = (FOLDER / path).read_bytes()
    assert written.isascii()
    assert len(written) < 65536
    names = [vector.name for vector in load(path, kind)]
    assert len(set(names)) == len(names)


def test_every_fault_on_the_wire_has_a_vector() -> None:
    covered = {row for path, kind in FILES.items() for vector in load(path, kind) for row in vector.row}
    assert covered >= _ROWS


def test_every_first_byte_is_there_once() -> None:
    ranges = [range(int(first, 16), int(last, 16) + 1) for first, last in (v.first for v in _detect())]
    assert sorted(byte for each in ranges for byte in each) == list(range(256))


def _detect() -> list[DetectVector]:
    return load("detect.json", DetectVector)


@pytest.mark.parametrize(
    "written", [1, None, {}, {"hex": "0"}, {"hex": "00", "x": 1}, {"text": "x"}, {"repeat": ["x"]}]
)
def test_what_is_not_bytes_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        expand(written)


def test_bytes_are_written_in_four_ways() -> None:
    written = msgspec.json.decode(rb'["a\u00e9", {"hex": "00 ff"}, {"repeat": [["b", {"hex": "0a"}], 2]}, []]')
    assert expand(written) == b"a\xc3\xa9\x00\xffb\nb\n"
