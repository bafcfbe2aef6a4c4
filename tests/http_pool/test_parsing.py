"""The traps of httptools, each with what has to come out instead, and the bounds that it does not have."""

import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import UpstreamProtocol
from sidecar.http_pool.failures import Cut
from sidecar.http_pool.parsing import MAX_HEAD_BYTES, MAX_INFORMATION, ResponseParser

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
TWO = OK + b"Content-Length: 2\r\n\r\nok"
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"


def parse(*chunks: bytes) -> tuple[ResponseParser, bytes]:
    """Feed an answer until it is complete, and return what its body was."""
    parser = ResponseParser()
    body = b""
    for chunk in chunks:
        if not parser.is_complete:
            body += parser.feed(chunk)
    return parser, body


class TestAnswers:
    @pytest.mark.parametrize(
        ("answer", "body"),
        [
            (TWO, b"ok"),
            (CHUNKED + b"2\r\nok\r\n0\r\n\r\n", b"ok"),
            (CHUNKED + b"2;a=b\r\nok\r\n0\r\nTrailer: x\r\n\r\n", b"ok"),
            (EARLY * MAX_INFORMATION + TWO, b"ok"),
            (b"HTTP/1.1 100 Continue\r\n\r\n" + TWO, b"ok"),
            (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
            (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", b"ok"),
            (OK + b"Upgrade: h2\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        ],
    )
    def test_wherever_it_is_cut_it_is_the_same(self, answer: bytes, body: bytes) -> None:
        for cut in range(len(answer)):
            parser, found = parse(answer[:cut], answer[cut:])
            assert (found, parser.is_complete, parser.is_reusable) == (body, True, True)
        parser, found = parse(*(answer[index : index + 1] for index in range(len(answer))))
        assert (found, parser.is_complete) == (body, True)

    def test_all_that_one_read_brought_is_one_piece(self) -> None:
        assert ResponseParser().feed(CHUNKED + b"1\r\na\r\n" * 1000) == b"a" * 1000

    def test_its_headers_stay_as_they_came(self) -> None:
        parser, _ = parse(OK + b"X-Empty:\r\nSet-Cookie: a\r\nSet-Cookie:  b \r\nContent-Length: 0\r\n\r\n")
        assert parser.head is not None
        assert parser.head.status == 200
        assert parser.head.headers == (
            (b"X-Empty", b""),
            (b"Set-Cookie", b"a"),
            (b"Set-Cookie", b"b"),
            (b"Content-Length", b"0"),
        )

    def test_a_trailer_is_no_header(self) -> None:
        parser, _ = parse(CHUNKED + b"0\r\nContent-Encoding: gzip\r\n\r\n")
        assert parser.is_complete
        assert parser.head is not None
        assert [name for name, _ in parser.head.headers] == [b"Transfer-Encoding"]

    @pytest.mark.parametrize("answer", [OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok",
                                        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"])  # fmt: skip
    def test_behind_one_that_says_so_the_connection_is_not_used_again(self, answer: bytes) -> None:
        parser, body = parse(answer)
        assert (body, parser.is_complete, parser.is_reusable) == (b"ok", True, False)

    def test_nothing_is_left_of_one_that_was_read(self) -> None:
        gc.disable()
        try:
            parser, _ = parse(TWO)
            gone = weakref.ref(parser)
            del parser
            assert gone() is None
        finally:
            gc.enable()


class TestWhatFollows:
    """httptools parses on behind the end, and calls back for the next answer as if it were the same one."""

    @pytest.mark.parametrize(
        "rest",
        [
            TWO.replace(b"ok", b"no"),
            CHUNKED + b"2\r\nno\r\n0\r\n\r\n",
            b"HTTP/1.1 500 No\r\n\r\nno",
            b"garbage",
            b"\x00",
            b"H",
        ],
    )
    @pytest.mark.parametrize("answer", [TWO, CHUNKED + b"2\r\nok\r\n0\r\n\r\n", b"HTTP/1.1 204 No\r\n\r\n"])
    def test_bytes_in_the_same_read_are_dropped_with_the_connection(self, answer: bytes, rest: bytes) -> None:
        parser = ResponseParser()
        body = parser.feed(answer + rest)
        assert body in (b"ok", b"")
        assert parser.head is not None
        assert parser.head.status in (200, 204)
        assert (parser.is_complete, parser.is_reusable) == (True, False)


class TestTheEndOfTheConnection:
    """httptools has no `finish`: it cannot say whether the end was one."""

    def test_ends_a_body_of_which_no_end_was_announced(self) -> None:
        parser, body = parse(OK + b"\r\nok")
        assert (body, parser.is_complete) == (b"ok", False)
        parser.finish()
        assert (parser.is_complete, parser.is_reusable) == (True, False)

    @pytest.mark.parametrize(
        "cut",
        [b"", OK, EARLY, OK + b"Content-Length: 3\r\n\r\nok", CHUNKED, CHUNKED + b"2\r\nok\r\n", CHUNKED + b"3\r\nok",
         CHUNKED + b"2\r\nok\r\n0\r\n"],
    )  # fmt: skip
    def test_is_too_early_everywhere_else(self, cut: bytes) -> None:
        parser, _ = parse(cut)
        with pytest.raises(Cut):
            parser.finish()


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"ICE/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\n\n",
        OK + b"A: b\r\n c\r\n\r\n",
        OK + b"A: b\x00c\r\n\r\n",
        OK + b"A b\r\n\r\n",
        b"HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nraw",
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        OK + b"Content-Length: 1, 1\r\n\r\n",
        OK + b"Content-Length: +1\r\n\r\n",
        OK + b"Content-Length:\r\n\r\n",
        OK + b"Content-Length: 99999999999999999999\r\n\r\n",
        OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
        OK + b"Transfer-Encoding: gzip\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        OK + b"Transfer-Encoding: xchunked\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        CHUNKED + b"x\r\n",
        CHUNKED + b"2\nok\n0\n\n",
        CHUNKED + b"2\r\nok!!0\r\n\r\n",
        CHUNKED + b"f" * 17 + b"\r\n",
    ],
)
def test_what_is_not_http_1_1_is_refused_whether_it_comes_at_once_or_byte_by_byte(answer: bytes) -> None:
    with pytest.raises(UpstreamProtocol):
        parse(answer)
    with pytest.raises(UpstreamProtocol):
        parse(*(answer[index : index + 1] for index in range(len(answer))))


def _feed(parser: ResponseParser, chunk: bytes, *, times: int) -> None:
    for _ in range(times):
        parser.feed(chunk)


class TestBounds:
    @pytest.mark.parametrize(
        ("before", "endless"),
        [
            (OK, b"X-Filler: 0123456789\r\n"),
            (OK + b"X: ", b"x" * 1000),
            (CHUNKED + b"2;", b"x" * 1000),
            (CHUNKED + b"2\r\nok\r\n0\r\n", b"X-Trailer: 0123456789\r\n"),
            (b"", b"\r\n" * 1000),
        ],
        ids=["headers", "a header", "an extension of a chunk", "trailers", "empty lines"],
    )
    def test_what_is_no_body_is_bounded(self, before: bytes, endless: bytes) -> None:
        parser = ResponseParser()
        parser.feed(before)
        with pytest.raises(UpstreamProtocol, match="more than 65536 bytes"):
            _feed(parser, endless, times=2 * MAX_HEAD_BYTES // len(endless))

    def test_a_body_is_not(self) -> None:
        parser = ResponseParser()
        parser.feed(CHUNKED)
        for _ in range(MAX_HEAD_BYTES):
            assert parser.feed(b"1\r\nx\r\n") == b"x"

    @pytest.mark.parametrize("information", [EARLY, b"HTTP/1.1 100 Continue\r\n\r\n"])
    def test_u35_information_before_the_answer_is(self, information: bytes) -> None:
        with pytest.raises(UpstreamProtocol, match="more than 16 answers of information"):
            parse(information * (MAX_INFORMATION + 1) + TWO)


@given(st.binary(max_size=200), st.integers(1, 50))
def test_no_bytes_do_anything_but_what_is_documented(junk: bytes, size: int) -> None:
    for before in (b"", b"HTTP/1.1 ", OK, CHUNKED, TWO):
        content = before + junk
        try:
            parser, _ = parse(*(content[start : start + size] for start in range(0, len(content), size)))
            if not parser.is_complete:
                parser.finish()
        except (UpstreamProtocol, Cut):
            pass
