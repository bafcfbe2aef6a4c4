"""bench/provider.py: what is asked of it, without a socket."""

import pytest

from bench.provider import Script, take_request
from bench.wire import write_http


@pytest.mark.parametrize(
    ("model", "script"),
    [("50x100", Script(50, 100)), ("0x5", Script(0, 5)), ("0x5x3", Script(0, 5, 3)), ("1x1x0", Script(1, 1, 0))],
)
def test_the_model_says_what_to_stream(model: str, script: Script) -> None:
    assert Script.parse(model) == script


@pytest.mark.parametrize("model", ["", "gpt-4o-mini", "50", "50x", "-1x5", "1x2x3x4", "50x100\n", "9999999x1"])
def test_other_models_are_refused(model: str) -> None:
    with pytest.raises(ValueError, match="50x100"):
        Script.parse(model)


def test_a_request_is_taken_when_it_is_whole_and_the_next_one_is_left() -> None:
    first, second = write_http("1x2"), write_http("3x4")
    for cut in range(len(first)):
        received = bytearray(first[:cut])
        assert take_request(received) is None
        assert received == first[:cut]
    received = bytearray(first + second[:9])
    assert take_request(received) == "1x2"
    assert received == second[:9]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /v1/models HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /v1/chat/completions HTTP/1.1\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]",
        b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{]",
        b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n",
        b"x" * 2_000_000,
    ],
)
def test_what_is_no_request_for_a_stream_is_refused(request_bytes: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        take_request(bytearray(request_bytes))
