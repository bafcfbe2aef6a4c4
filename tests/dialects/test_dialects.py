import pytest
from msgspec import UNSET

from protocol.codec import Addressee
from protocol.errors import PayloadTooLarge
from sidecar.dialects import FRAMES, LINES, PayloadDialect

both_dialects = pytest.mark.parametrize("dialect", [FRAMES, LINES], ids=lambda dialect: dialect.name)


@both_dialects
def test_what_is_wrapped_is_read_again(dialect: PayloadDialect) -> None:
    decoder = dialect.new_decoder(10)
    decoder.feed(dialect.wrap(b"one") + dialect.wrap(b"two"))
    assert [decoder.next_payload() for _ in range(3)] == [b"one", b"two", None]


@both_dialects
def test_the_limit_is_that_of_the_decoder(dialect: PayloadDialect) -> None:
    decoder = dialect.new_decoder(2)
    decoder.feed(dialect.wrap(b"one"))
    with pytest.raises(PayloadTooLarge):
        decoder.next_payload()


def test_frames_are_for_programs() -> None:
    assert FRAMES.wrap(b"x") == b"\0\0\0\1x"
    assert (FRAMES.serves_in_turn, FRAMES.end_means_gone) == (False, True)
    assert FRAMES.unasked == Addressee(None, wants_events=True)


def test_lines_are_for_people() -> None:
    assert LINES.wrap(b"x") == b"x\n"
    assert (LINES.serves_in_turn, LINES.end_means_gone) == (True, False)
    assert LINES.unasked == Addressee(UNSET, wants_events=False)
