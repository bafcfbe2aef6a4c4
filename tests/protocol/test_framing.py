"""Frames and lines: every golden file, every cut, and any junk."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import BadFrame, Code, PayloadTooLarge, ProtocolError
from protocol.framing import MAX_PAYLOAD_BYTES, FrameDecoder, LineDecoder, encode_frame, encode_line
from tests.protocol.vectors import EncodeVector, FramingVector, cases, expand

# What is larger is cut into chunks of 64 KiB instead of single bytes.
_SMALL_BYTES = 4096

Outcome = tuple[list[bytes], Code | None, int]


def _decode(decoder: FrameDecoder | LineDecoder, chunks: Iterable[bytes], *, end: bool = False) -> Outcome:
    """Return the payloads, then the error or the number of bytes that wait."""
    payloads: list[bytes] = []
    try:
        for chunk in chunks:
            decoder.feed(chunk)
            while (payload := decoder.next_payload()) is not None:
                payloads.append(payload)
        if end:
            decoder.end()
            while (payload := decoder.next_payload()) is not None:
                payloads.append(payload)
    except ProtocolError as exc:
        return payloads, exc.code, 0
    return payloads, None, decoder.buffered_bytes


def _cut(stream: bytes, size: int) -> list[bytes]:
    return [stream[start : start + size] for start in range(0, len(stream), size)]


def _split(stream: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


def _expected(vector: FramingVector) -> Outcome:
    return [expand(payload) for payload in vector.payloads], vector.error, vector.rest


@cases(FramingVector, "framing/frames.json")
def test_frames_are_decoded_as_the_vectors_say(vector: FramingVector) -> None:
    chunks = [expand(chunk) for chunk in vector.chunks]
    assert _decode(FrameDecoder(vector.max_payload_bytes), chunks) == _expected(vector)
    stream = b"".join(chunks)
    size = 1 if len(stream) <= _SMALL_BYTES else 65536
    assert _decode(FrameDecoder(vector.max_payload_bytes), _cut(stream, size)) == _expected(vector)


@cases(FramingVector, "framing/frames.json")
def test_a_good_frame_is_decoded_whatever_follows(vector: FramingVector) -> None:
    payloads, error, rest = _expected(vector)
    if error is not None or rest:
        return
    stream = b"".join(expand(chunk) for chunk in vector.chunks)
    # The largest length that is allowed by all vectors' limits is 1.
    for tail in (b"\0", b"\0\0\0", b"\0\0\0\1"):
        assert _decode(FrameDecoder(vector.max_payload_bytes), [stream + tail]) == (payloads, None, len(tail))
    assert _decode(FrameDecoder(vector.max_payload_bytes), [stream + b"x"]) == (payloads, Code.BAD_FRAME, 0)
    assert _decode(FrameDecoder(vector.max_payload_bytes), [stream + b"\0\0\0\1{"]) == ([*payloads, b"{"], None, 0)


@cases(FramingVector, "framing/frames.json")
def test_good_frames_are_what_the_encoder_writes(vector: FramingVector) -> None:
    payloads, error, rest = _expected(vector)
    if error is None and not rest:
        assert b"".join(map(encode_frame, payloads)) == b"".join(expand(chunk) for chunk in vector.chunks)


@cases(FramingVector, "framing/lines.json")
def test_lines_are_decoded_as_the_vectors_say(vector: FramingVector) -> None:
    chunks = [expand(chunk) for chunk in vector.chunks]
    assert _decode(LineDecoder(vector.max_payload_bytes), chunks, end=vector.end) == _expected(vector)
    stream = b"".join(chunks)
    size = 1 if len(stream) <= _SMALL_BYTES else 65536
    assert _decode(LineDecoder(vector.max_payload_bytes), _cut(stream, size), end=vector.end) == _expected(vector)


@cases(FramingVector, "framing/lines.json")
def test_a_good_line_is_decoded_whatever_follows(vector: FramingVector) -> None:
    payloads, error, rest = _expected(vector)
    if error is not None or rest or vector.end:
        return
    stream = b"".join(expand(chunk) for chunk in vector.chunks)
    for tail in (b"{", b"\0", b"\xff\xfe", b" "):
        assert _decode(LineDecoder(vector.max_payload_bytes), [stream + tail]) == (payloads, None, len(tail))


@cases(EncodeVector, "framing/encode.json")
def test_payloads_are_encoded_as_the_vectors_say(vector: EncodeVector) -> None:
    payload = expand(vector.payload)
    assert encode_frame(payload) == expand(vector.frame)
    assert encode_line(payload) == expand(vector.line)
    assert _decode(FrameDecoder(), [encode_frame(payload)]) == ([payload], None, 0)
    assert _decode(LineDecoder(), [encode_line(payload)]) == ([payload], None, 0)


@given(st.lists(st.binary(min_size=1)), st.lists(st.integers(min_value=0)))
def test_any_split_of_frames_gives_the_same_payloads(payloads: list[bytes], places: list[int]) -> None:
    stream = b"".join(map(encode_frame, payloads))
    assert _decode(FrameDecoder(), _split(stream, places)) == (payloads, None, 0)


# What JSON on one line looks like to the decoder: no line feed, no white space at its ends, not empty.
_lines = st.binary(min_size=1).map(lambda line: line.replace(b"\n", b"n").strip(b" \t\r")).filter(bool)


@given(st.lists(_lines), st.lists(st.integers(min_value=0)))
def test_any_split_of_lines_gives_the_same_payloads(payloads: list[bytes], places: list[int]) -> None:
    stream = b"".join(map(encode_line, payloads))
    assert _decode(LineDecoder(), _split(stream, places)) == (payloads, None, 0)


# Small numbers are what headers are made of.
_junk = st.binary() | st.lists(st.integers(0, 3) | st.integers(0, 255), max_size=60).map(bytes)


@given(_junk, st.lists(st.integers(min_value=0)), st.integers(1, 300))
def test_junk_in_frames_raises_only_documented_errors_and_the_same_however_it_is_cut(
    junk: bytes, places: list[int], max_payload_bytes: int
) -> None:
    whole = _decode(FrameDecoder(max_payload_bytes), [junk])
    assert _decode(FrameDecoder(max_payload_bytes), _split(junk, places)) == whole
    assert _decode(FrameDecoder(max_payload_bytes), _cut(junk, 1)) == whole
    payloads, error, rest = whole
    assert error in (None, Code.BAD_FRAME, Code.TOO_LARGE)
    assert all(0 < len(payload) <= max_payload_bytes for payload in payloads)
    assert rest < max_payload_bytes + 4


@given(
    st.lists(st.sampled_from([b"\n", b" ", b"\r", b"\t", b"{", b"\0"]) | st.binary(max_size=9)).map(b"".join),
    st.lists(st.integers(min_value=0)),
    st.integers(1, 30),
    st.booleans(),
)
def test_junk_in_lines_raises_only_documented_errors_and_the_same_however_it_is_cut(
    junk: bytes, places: list[int], max_payload_bytes: int, end: bool
) -> None:
    whole = _decode(LineDecoder(max_payload_bytes), [junk], end=end)
    assert _decode(LineDecoder(max_payload_bytes), _split(junk, places), end=end) == whole
    assert _decode(LineDecoder(max_payload_bytes), _cut(junk, 1), end=end) == whole
    payloads, error, rest = whole
    assert error in (None, Code.TOO_LARGE)
    assert all(0 < len(payload) <= max_payload_bytes and b"\n" not in payload for payload in payloads)
    assert rest <= (0 if end else max_payload_bytes)


@given(st.integers(1, 2**24 - 1), st.integers(1, MAX_PAYLOAD_BYTES))
def test_the_limit_of_a_frame_bites_on_its_header(length: int, max_payload_bytes: int) -> None:
    decoder = FrameDecoder(max_payload_bytes)
    header = length.to_bytes(4, "big")
    decoder.feed(header[:3])
    assert decoder.next_payload() is None
    decoder.feed(header[3:])
    if length > max_payload_bytes:
        with pytest.raises(PayloadTooLarge, match=f"at most {max_payload_bytes} bytes; this one announces {length}"):
            decoder.next_payload()
    else:
        assert decoder.next_payload() is None
    assert decoder.buffered_bytes == 4


@pytest.mark.parametrize("first", range(1, 256))
def test_a_frame_with_another_first_byte_than_zero_is_refused_at_that_byte(first: int) -> None:
    decoder = FrameDecoder()
    decoder.feed(bytes([first]))
    with pytest.raises(BadFrame):
        decoder.next_payload()


def test_an_error_stays() -> None:
    frames, lines = FrameDecoder(), LineDecoder(4)
    frames.feed(b"x")
    lines.feed(b"12345")
    for _ in range(2):
        with pytest.raises(BadFrame):
            frames.next_payload()
        with pytest.raises(PayloadTooLarge):
            lines.next_payload()


def test_the_end_of_input_leaves_an_unfinished_frame_unfinished() -> None:
    decoder = FrameDecoder()
    decoder.feed(b"\0\0\0\2{")
    decoder.end()
    assert decoder.next_payload() is None
    assert decoder.buffered_bytes == 5


def test_a_payload_is_a_copy_that_outlives_the_buffer() -> None:
    for decoder, encoded in ((FrameDecoder(), encode_frame(b"{}")), (LineDecoder(), encode_line(b"{}"))):
        decoder.feed(encoded)
        payload = decoder.next_payload()
        decoder.feed(b"\0" * 100)
        assert payload == b"{}"
        assert type(payload) is bytes
