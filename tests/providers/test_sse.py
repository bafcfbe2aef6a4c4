from collections.abc import Iterable
from itertools import pairwise, zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.providers.sse import SseDecoder, SseEvent, SseTooLarge

# The name says the rule; each stream is cut at every byte, and fed byte by byte.
STREAMS = {
    "one event": (b"data: a\n\n", ["a"]),
    "two events": (b"data: a\n\ndata: b\n\n", ["a", "b"]),
    "LF": (b"data: a\ndata: b\n\n", ["a\nb"]),
    "CRLF": (b"data: a\r\ndata: b\r\n\r\n", ["a\nb"]),
    "CR": (b"data: a\rdata: b\r\r", ["a\nb"]),
    "mixed ends": (b"data: a\r\n\ndata: b\r\rdata: c\n\r\n", ["a", "b", "c"]),
    "CR before LF is one end": (b"data: a\r\ndata: b\n\r", ["a\nb"]),
    "one leading space is removed": (b"data:  a\n\n", [" a"]),
    "no space": (b"data:a\n\n", ["a"]),
    "a tab is no space": (b"data:\ta\n\n", ["\ta"]),
    "a colon in the value": (b"data: a: b\n\n", ["a: b"]),
    "lines of data are joined by LF": (b"data: a\ndata:\ndata: c\n\n", ["a\n\nc"]),
    "no colon is an empty value": (b"data\n\ndata\ndata\n\n", ["", "\n"]),
    "empty data": (b"data:\n\n", [""]),
    "one leading BOM": (b"\xef\xbb\xbfdata: a\n\ndata: b\n\n", ["a", "b"]),
    "a second BOM is part of a name": (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n", ["b"]),
    "a BOM further on is part of a name": (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", ["a"]),
    "a BOM in the value": (b"data: \xef\xbb\xbf\n\n", ["\ufeff"]),
    "comments": (b": ping\n\n:\n\ndata: a\n: pong\ndata: b\n\n:\n\n", ["a\nb"]),
    "an event's name alone": (b"event: ping\n\ndata: a\n\n", ["a"]),
    "fields that are not ours": (b"id: 1\nretry: 5\nfoo: bar\nDATA: x\n data: x\ndata : x\ndata: a\n\n", ["a"]),
    "blank lines": (b"\n\n\r\n\rdata: a\n\n\n\n", ["a"]),
    "U+0085, U+2028, U+2029, VT, FF, FS": (
        "data: a\u0085b\u2028c\u2029d\x0be\x0cf\x1cg\n\n".encode(),
        ["a\u0085b\u2028c\u2029d\x0be\x0cf\x1cg"],
    ),
    "NUL": (b"data: a\0b\n\n", ["a\0b"]),
    "characters of several bytes": ("data: Ärger 😀 Привет\n\n".encode(), ["Ärger 😀 Привет"]),
    "no blank line at the end": (b"data: a\n\ndata: b\n", ["a"]),
    "no end of line at the end": (b"data: a\n\ndata: b", ["a"]),
    "nothing": (b"", []),
}


def decode(chunks: Iterable[bytes], decoder: SseDecoder | None = None) -> list[SseEvent]:
    decoder = decoder or SseDecoder()
    events = []
    for chunk in chunks:
        decoder.feed(chunk)
        while (event := decoder.next_event()) is not None:
            events.append(event)
    return events


def texts(chunks: Iterable[bytes]) -> list[str]:
    return [event.data.decode() for event in decode(chunks)]


@pytest.mark.parametrize(("stream", "expected"), STREAMS.values(), ids=STREAMS)
class TestRules:
    def test_at_once(self, stream: bytes, expected: list[str]) -> None:
        assert texts([stream]) == expected

    def test_byte_by_byte(self, stream: bytes, expected: list[str]) -> None:
        assert texts(stream[index : index + 1] for index in range(len(stream))) == expected

    def test_cut_at_every_byte(self, stream: bytes, expected: list[str]) -> None:
        for cut in range(len(stream) + 1):
            assert texts([stream[:cut], b"", stream[cut:]]) == expected

    def test_with_another_event_behind_it(self, stream: bytes, expected: list[str]) -> None:
        assert texts([stream, b"\n\n", b"data: tail\n\n"])[-1] == "tail"


PIECES = st.sampled_from(
    [b"data", b"event", b":", b" ", b"\r", b"\n", b"\r\n", b"\n\n", b"a", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"error"]
)


@given(st.lists(PIECES | st.binary(max_size=4)).map(b"".join), st.lists(st.integers(0, 200)))
def test_any_split_of_anything_gives_the_same_events(stream: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    whole, split = SseDecoder(), SseDecoder()
    chunks = [stream[start:end] for start, end in pairwise(places)]
    assert decode(chunks, split) == decode([stream], whole)
    assert split.finish() == whole.finish()


@given(st.lists(PIECES | st.sampled_from([b"data: a\n\n", b"data: \n\n"])), st.lists(st.booleans()))
def test_events_may_be_taken_at_any_time(chunks: list[bytes], is_taken: list[bool]) -> None:
    late, early, events = SseDecoder(), SseDecoder(), list[SseEvent]()
    for chunk, takes in zip_longest(chunks, is_taken[: len(chunks)], fillvalue=False):
        assert isinstance(chunk, bytes)
        late.feed(chunk)
        if takes and (event := late.next_event()) is not None:
            events.append(event)
    assert [*events, *decode([b""], late)] == decode(chunks, early)
    assert late.finish() == early.finish()


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))),
    st.sampled_from("\r \n \r\n".split(" ")),
)
def test_what_a_server_writes_is_what_is_read(values: list[str], end: str) -> None:
    stream = "".join(f"data: {value}{end}{end}" for value in values).encode()
    assert texts([stream]) == values


class TestNames:
    def test_an_event_has_its_name_and_only_its_own(self) -> None:
        stream = b"event: error\ndata: a\n\ndata: b\n\n"
        assert decode([stream]) == [SseEvent(b"a", b"error"), SseEvent(b"b")]

    def test_the_last_one_counts(self) -> None:
        assert decode([b"event: a\nevent: b\ndata: x\n\n"]) == [SseEvent(b"x", b"b")]

    def test_a_name_without_data_names_nothing_that_follows(self) -> None:
        assert decode([b"event: error\n\ndata: a\n\n"]) == [SseEvent(b"a")]

    def test_the_field_error_of_older_llama_cpp_is_an_event_of_that_name(self) -> None:
        assert decode([b'error: {"code":500}\n\n']) == [SseEvent(b'{"code":500}', b"error")]


class TestTheEnd:
    @pytest.mark.parametrize("stream", [b"data: a", b"data: a\n", b"data: a\r", b"data: a\r\n"])
    def test_an_event_without_its_blank_line_is_given_apart(self, stream: bytes) -> None:
        decoder = SseDecoder()
        assert decode([stream], decoder) == []
        assert decoder.finish() == SseEvent(b"a")

    @pytest.mark.parametrize("stream", [b"", b": ping", b"data: a\n\n", b"event: x\n", b"\xef\xbb\xbf"])
    def test_otherwise_there_is_none(self, stream: bytes) -> None:
        decoder = SseDecoder()
        decode([stream], decoder)
        assert decoder.finish() is None


class TestBounds:
    def decoder(self) -> SseDecoder:
        return SseDecoder(max_line_bytes=20, max_event_bytes=40, max_stream_bytes=200)

    def test_what_fits_exactly(self) -> None:
        line = b"data: " + b"x" * 14
        assert len(line) == 20
        assert decode([line + b"\n" + line + b"\n\n"], self.decoder()) == [SseEvent(b"x" * 14 + b"\n" + b"x" * 14)]

    @pytest.mark.parametrize("name", [b"data", b"id", b""])
    def test_a_line_that_is_too_long(self, name: bytes) -> None:
        line = name + b":" + b"x" * (20 - len(name))
        with pytest.raises(SseTooLarge, match="a line has more than 20 bytes"):
            decode([line + b"\n\n"], self.decoder())

    def test_a_line_that_never_ends_is_noticed_before_its_end(self) -> None:
        with pytest.raises(SseTooLarge, match="a line has more than 20 bytes"):
            decode([b"data: "] + [b"x"] * 15, self.decoder())

    def test_what_stands_before_it_is_given(self) -> None:
        decoder = self.decoder()
        decoder.feed(b"data: a\n\ndata: " + b"x" * 50)
        assert decoder.next_event() == SseEvent(b"a")
        with pytest.raises(SseTooLarge):
            decoder.next_event()

    def test_an_event_of_too_many_lines(self) -> None:
        with pytest.raises(SseTooLarge, match="an event has more than 40 bytes"):
            decode([b"data: 0123456789\n"] * 4, self.decoder())

    def test_a_stream_that_is_too_long_of_whatever(self) -> None:
        with pytest.raises(SseTooLarge, match="the stream has more than 200 bytes"):
            decode([b": ping\n\n"] * 26, self.decoder())

    def test_the_end_knows_them_too(self) -> None:
        decoder = self.decoder()
        decoder.feed(b"data: " + b"x" * 20)
        with pytest.raises(SseTooLarge):
            decoder.finish()


def test_a_long_line_byte_by_byte_takes_no_quadratic_time() -> None:
    decoder = SseDecoder()
    decoder.feed(b"data: ")
    for _ in range(250_000):
        decoder.feed(b"x")
        assert decoder.next_event() is None
    decoder.feed(b"\n\n")
    event = decoder.next_event()
    assert event is not None
    assert len(event.data) == 250_000


def test_the_repr_shows_no_text() -> None:
    assert "secret" not in repr(SseEvent(b"secret"))
