"""The error codes are a closed set, and each has its status."""

from protocol import errors
from protocol.errors import STATUS, Code, ProtocolError


def test_every_code_has_a_status() -> None:
    assert STATUS.keys() == set(Code)
    assert set(STATUS.values()) <= {400, 401, 403, 404, 413, 429, 499, 500, 501, 502, 503, 504}


def test_every_code_is_written_as_its_name() -> None:
    assert [code.value for code in Code] == [code.name.lower() for code in Code]


def test_what_the_protocol_raises_says_its_code_and_its_message() -> None:
    leaves = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ProtocolError)]
    assert len(leaves) == 7
    for kind in leaves:
        error = kind("A sentence.")
        assert isinstance(error.code, Code)
        assert str(error) == "A sentence."
