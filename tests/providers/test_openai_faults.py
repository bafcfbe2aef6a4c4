"""Whatever a provider does, a request has exactly one honest end. The ids are the rows of the failure matrix."""

import pytest

from tests.providers.asking import opened
from tests.providers.faults import (
    LENGTH,
    OK,
    STOP,
    TEN_THOUSAND,
    A,
    B,
    Outcome,
    byte_by_byte,
    chunked,
    endless_headers,
    exactly,
    outcome,
    raw,
    silent_reset,
)
from tests.providers.scripted import (
    DONE,
    ROLE,
    Script,
    chunk,
    event,
    good,
    running,
    status,
    stream,
)

pytestmark = pytest.mark.anyio

# Row, what it does, scripts (one a try), the outcome, and how many tries the provider saw.
ROWS: list[tuple[str, tuple[Script, ...], Outcome, int]] = [
    ("U17 a byte a chunk", (byte_by_byte,), Outcome("The sky 😀", "stop"), 1),
    ("U18 reset before the head, once", (silent_reset, OK), Outcome("ok", "stop"), 2),
    ("U18 reset before the head, always", (silent_reset,), Outcome("", "upstream_error"), 3),
    ("U18 closed before the head", (exactly(b""), OK), Outcome("ok", "stop"), 2),
    ("U18 half a head", (exactly(b"HTTP/1.1 200 O"), OK), Outcome("ok", "stop"), 2),
    ("U18 reset behind the head", (chunked(b"", "reset"), OK), Outcome("ok", "stop"), 2),
    ("U18 reset behind the role", (chunked(ROLE, "reset"), OK), Outcome("ok", "stop"), 2),
    ("U18 reset behind the role, always", (chunked(ROLE, "reset"),), Outcome("", "truncated"), 3),
    ("U19 reset behind tokens", (chunked(A + B, "reset"), OK), Outcome("ab", "truncated"), 1),
    ("U20 FIN between chunks", (chunked(A, "cut"), OK), Outcome("a", "truncated"), 1),
    ("U20 FIN in a chunk", (chunked(A, "cut", dribble=True), OK), Outcome("a", "truncated"), 1),
    ("U20 FIN behind the end", (chunked(A + STOP, "cut"), OK), Outcome("a", "stop"), 1),
    ("U20 FIN behind the last word", (chunked(A + STOP + DONE, "cut"), OK), Outcome("a", "stop"), 1),
    ("U19 reset behind the end", (chunked(A + STOP, "reset"), OK), Outcome("a", "stop"), 1),
    ("U21 until the close, no end", (raw(A), OK), Outcome("a", "truncated"), 1),
    ("U21 until the close, whole", (raw(A + STOP + DONE), OK), Outcome("a", "stop"), 1),
    ("U21 chunks, no end", (stream(ROLE + A), OK), Outcome("a", "truncated"), 1),
    ("U22 a last word without a reason", (stream(A + DONE),), Outcome("a", "other"), 1),
    ("U23 a reason without a last word", (stream(A + STOP),), Outcome("a", "stop"), 1),
    ("U24 length", (stream(good("a", reason="length")),), Outcome("a", "length"), 1),
    ("U24 content_filter", (stream(good("a", reason="content_filter")),), Outcome("a", "filtered"), 1),
    ("U24 tool_calls", (stream(good("a", reason="tool_calls")),), Outcome("a", "other"), 1),
    (
        "U26 an error behind tokens",
        (stream(A + event({"error": {"message": "x"}})), OK),
        Outcome("a", "upstream_error"),
        1,
    ),
    ("U26 an error before tokens", (stream(ROLE + event({"error": {"message": "x"}})), OK), Outcome("ok", "stop"), 2),
    ("U26 event: error", (stream(A + b"event: error\ndata: {}\n\n"), OK), Outcome("a", "upstream_error"), 1),
    (
        "U27 a web page",
        (raw(b"<html>Login</html>", head=b"Content-Type: text/html\r\n"), OK),
        Outcome("", "upstream_protocol"),
        1,
    ),
    ("U27 nothing", (stream(b" "), OK), Outcome("", "upstream_protocol"), 1),
    ("U27 nothing of a length", (status(200), OK), Outcome("", "upstream_protocol"), 1),
    ("U27 other JSON", (status(200, {"object": "list"}), OK), Outcome("", "upstream_protocol"), 1),
    ("U27 204", (exactly(b"HTTP/1.1 204 No Content\r\n\r\n"), OK), Outcome("", "upstream_protocol"), 1),
    (
        "U28 JSON instead of a stream",
        (status(200, {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}),),
        Outcome("a", "stop"),
        1,
    ),
    (
        "U28 an error in JSON with 200",
        (status(200, {"error": {"message": "x", "code": 400}}), OK),
        Outcome("", "upstream_bad_request"),
        1,
    ),
    *(
        (f"U29 {code}", (status(code, {"error": {"message": "x"}}), OK), Outcome("", "upstream_bad_request"), 1)
        for code in (400, 404, 409, 413, 415, 422)
    ),
    (
        "U29 too long",
        (status(400, {"error": {"code": "context_length_exceeded"}}), OK),
        Outcome("", "context_too_long"),
        1,
    ),
    *(
        (f"U30 {code}", (status(code, {"error": {"message": "x"}}), OK), Outcome("", "upstream_auth"), 1)
        for code in (401, 402, 403)
    ),
    *(
        (f"U31 {code}, once", (status(code), OK), Outcome("ok", "stop"), 2)
        for code in (408, 425, 500, 502, 503, 504, 529)
    ),
    ("U31 503, always", (status(503, b"<html>"),), Outcome("", "upstream_error"), 3),
    ("U31 503, then 500", (status(503), status(500), OK), Outcome("ok", "stop"), 3),
    ("U31 503, then 400", (status(503), status(400), OK), Outcome("", "upstream_bad_request"), 2),
    ("U32 429, once", (status(429, Retry_After_Ms="1"), OK), Outcome("ok", "stop"), 2),
    ("U32 429, always", (status(429),), Outcome("", "upstream_rate_limited"), 3),
    ("U32 429, no hint", (status(429, Retry_After="soon"), OK), Outcome("ok", "stop"), 2),
    ("U32 429, minus one", (status(429, Retry_After="-1"), OK), Outcome("ok", "stop"), 2),
    ("U32 429, too long a pause", (status(429, Retry_After="11"), OK), Outcome("", "upstream_rate_limited"), 1),
    ("U32 429, for ever", (status(429, Retry_After="1000000000"), OK), Outcome("", "upstream_rate_limited"), 1),
    (
        "U32 429, quota",
        (status(429, {"error": {"code": "insufficient_quota"}}), OK),
        Outcome("", "upstream_rate_limited"),
        1,
    ),
    (
        "U36 101",
        (exactly(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), OK),
        Outcome("", "upstream_protocol"),
        1,
    ),
    ("U37 endless headers", (endless_headers, OK), Outcome("", "upstream_protocol"), 1),
    ("U38 CR only", (stream((ROLE + A + STOP + DONE).replace(b"\n", b"\r")),), Outcome("a", "stop"), 1),
    (
        "U38 CRLF, a BOM, fields",
        (stream(b"\xef\xbb\xbf" + (b"id: 1\nretry: 1\n" + A + STOP + DONE).replace(b"\n", b"\r\n")),),
        Outcome("a", "stop"),
        1,
    ),
    ("U39 invalid JSON", (stream(A + b"data: {oops\n\n" + B + STOP + DONE), OK), Outcome("a", "upstream_protocol"), 1),
    ("U39 signs of life", (stream(A + b"data:\n\ndata: : ping\n\n" + B + STOP + DONE),), Outcome("ab", "stop"), 1),
    (
        "U40 invalid UTF-8",
        (stream(A + b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n' + STOP), OK),
        Outcome("a", "upstream_protocol"),
        1,
    ),
    (
        "U41 half a character",
        (stream(b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n' + A + STOP),),
        Outcome("\ufffda", "stop"),
        1,
    ),
    ("U42 an endless line", (stream(A + b"data: " + b"x" * 3_000_000), OK), Outcome("a", "upstream_protocol"), 1),
    (
        "U43 an endless event",
        (stream(A + (b"data: " + b"x" * 10_000 + b"\n") * 200), OK),
        Outcome("a", "upstream_protocol"),
        1,
    ),
    *(
        (
            f"U44 {coding}",
            (raw(b"\x1f\x8b" + b"x" * 500, head=b"Content-Encoding: %b\r\n" % coding.encode()), OK),
            Outcome("", "upstream_protocol"),
            1,
        )
        for coding in ("gzip", "br", "zstd", "deflate", "gzip, gzip", "identity, gzip")
    ),
    ("U44 identity", (raw(A + STOP + DONE, head=b"Content-Encoding: Identity\r\n"),), Outcome("a", "stop"), 1),
    (
        "U45 a chunk's size that is none",
        (raw(b"zz\r\n" + A, head=b"Transfer-Encoding: chunked\r\n"), OK),
        Outcome("", "upstream_protocol"),
        1,
    ),
    (
        "U45 a huge chunk",
        (raw(b"f" * 30 + b"\r\n", head=b"Transfer-Encoding: chunked\r\n"), OK),
        Outcome("", "upstream_protocol"),
        1,
    ),
    (
        "U45 a chunk's endless extension",
        (raw(b"1;" + b"x" * 1_000_000 + b"\r\na\r\n", head=b"Transfer-Encoding: chunked\r\n"), OK),
        Outcome("", "upstream_protocol"),
        1,
    ),
    ("U46 too short a body", (raw(A, head=LENGTH % (len(A) + 1)), OK), Outcome("a", "truncated"), 1),
    ("U46 too long a body", (raw(A + STOP + B, head=LENGTH % len(A + STOP)), OK), Outcome("a", "stop"), 1),
    (
        "U52 several choices",
        (stream(A + event({"choices": [{"index": 1, "delta": {"content": "x"}}]}) + STOP),),
        Outcome("a", "stop"),
        1,
    ),
    (
        "U53 ten thousand deltas in one chunk",
        (stream(TEN_THOUSAND + STOP + DONE),),
        Outcome("0123456789" * 1000, "stop"),
        1,
    ),
    ("U54 a delta of 200 kB", (stream(event(chunk("x" * 200_000)) + STOP + DONE),), Outcome("x" * 200_000, "stop"), 1),
    ("no HTTP", (exactly(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), OK), Outcome("", "upstream_protocol"), 1),
    (
        "two lengths",
        (raw(A, head=b"Content-Length: 5\r\nContent-Length: 6\r\n"), OK),
        Outcome("", "upstream_protocol"),
        1,
    ),
]


@pytest.mark.parametrize(("scripts", "expected", "tries"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
async def test_one_honest_end(scripts: tuple[Script, ...], expected: Outcome, tries: int) -> None:
    with running(*scripts) as server:
        async with opened(server.url) as provider:
            assert await outcome(provider) == expected
            assert len(server.asked) == tries
