"""bench/wire.py: what the load writes and reads."""

import pytest

from bench.provider import take_request
from bench.wire import FrameReader, HttpReader, Reader, TokenCounter, write_frame, write_http
from protocol.codec import decode_request, encode
from protocol.framing import encode_frame
from protocol.messages import Chat, Delta, Done, Error, Failure, Heartbeat, Start, Usage

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
USAGE = Usage(prompt_tokens=1, completion_tokens=1)


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


def token(text: str) -> bytes:
    return chunk(b'data: {"choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}\n\n' % text.encode())


FRAMES = b"".join(
    encode_frame(encode(event))
    for event in (
        Start(id="1", reply="r_1", model="5x2"),
        Delta(id="1", seq=1, text="0:11;"),
        Heartbeat(),
        Delta(id="1", seq=2, text="1:12;"),
        Done(id="1", finish_reason="stop", usage=USAGE, overhead_ms=0.5),
    )
)
HTTP = HEAD + token("0:11;") + token("1:12;") + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


@pytest.mark.parametrize(("reader", "reply"), [(FrameReader, FRAMES), (HttpReader, HTTP)])
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_reply_is_read_whole_however_it_is_cut(reader: type[Reader], reply: bytes, size: int) -> None:
    reading, texts = reader(), []
    for _ in range(2):  # as on a connection that serves one after the other
        for start in range(0, len(reply), size):
            assert reading.end is None
            texts.append(reading.feed(reply[start : start + size]))
        assert reading.end == "done"
        reading.end = None
    assert "".join(texts) == "0:11;1:12;" * 2


def test_an_error_is_the_end_by_its_code() -> None:
    event = Error(id="1", code="overloaded", message="No.")
    answer = Failure(success=False, error="No.", code="overloaded", id="1")
    for message in (event, answer):
        reader = FrameReader()
        assert reader.feed(encode_frame(encode(message))) == ""
        assert reader.end == "overloaded"


def test_another_status_is_the_end() -> None:
    reader = HttpReader()
    reader.feed(b"HTTP/1.1 429 Refused\r\nContent-Length: 0\r\n\r\n")
    assert reader.end == "status 429"


def test_tokens_are_counted_over_any_cut() -> None:
    counter, times = TokenCounter(), []
    for letter in "0:11;1:12;2:13;":
        times += counter.take(letter)
    assert times == [11, 12, 13]
    assert counter.is_whole(3)
    assert not counter.is_whole(2)


@pytest.mark.parametrize("text", ["0:11;2:13;", "1:12;0:11;", "0:11;0:11;", "0:11;1:12", "0:11;1;", "0:11;1:12;x"])
def test_what_is_lost_doubled_or_cut_is_noticed(text: str) -> None:
    counter = TokenCounter()
    counter.take(text)
    assert not counter.is_whole(2)


def test_both_dialects_ask_for_the_same_model() -> None:
    request = decode_request(write_frame("50x100")[4:])
    assert isinstance(request, Chat)
    assert request.model == "50x100"
    assert request.stream
    assert take_request(bytearray(write_http("50x100"))) == "50x100"
