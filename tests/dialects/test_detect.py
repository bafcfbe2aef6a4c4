import re

import pytest

from sidecar.dialects import FRAMES, LINES, detect, refusal_of_all_dialects
from sidecar.dialects.http import refuse
from sidecar.errors import Overloaded
from tests.protocol.vectors import DetectVector, cases, load

ERROR = Overloaded("Full.", retry_after=1.0)
_DATE = re.compile(rb"Date: [^\r]*")
SPOKEN = {"frames": "frames", "lines": "lines", "http": "http", "skip": None, "close": None}


def first_bytes(vector: DetectVector) -> range:
    first, last = (int(digits, 16) for digits in vector.first)
    return range(first, last + 1)


@cases(DetectVector, "detect.json")
def test_the_first_byte_tells_the_dialect(vector: DetectVector) -> None:
    assert {detect(first) for first in first_bytes(vector)} == {SPOKEN[vector.socket]}


def test_the_vectors_have_every_byte_once() -> None:
    found = [first for vector in load("detect.json", DetectVector) for first in first_bytes(vector)]
    assert sorted(found) == list(range(256))


@pytest.mark.parametrize(
    ("first", "refusal"),
    [
        (None, FRAMES.refuse(ERROR)),
        (0, FRAMES.refuse(ERROR)),
        (ord("{"), LINES.refuse(ERROR)),
        (ord("P"), refuse(ERROR)),
        (0x16, b""),
    ],
)
def test_a_connection_without_room_is_refused_in_what_it_speaks(first: int | None, refusal: bytes) -> None:
    assert _DATE.sub(b"", refusal_of_all_dialects(ERROR, first)) == _DATE.sub(b"", refusal)
