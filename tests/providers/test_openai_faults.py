"""Whatever a provider does, a request has exactly one honest end. The ids are the rows of the failure matrix."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

import anyio
import anyio.lowlevel
import pytest

from protocol.errors import Code
from sidecar.errors import SidecarError
from sidecar.providers import Finish, Text
from sidecar.providers.openai import OpenAIProvider
from tests.providers.asking import PATIENT, PROMPT, ask, opened
from tests.providers.scripted import (
    DONE,
    ROLE,
    Asked,
    Script,
    chunk,
    event,
    good,
    running,
    status,
    stream,
)

pytestmark = pytest.mark.anyio

A, B, STOP = event(chunk("a")), event(chunk("b")), event(chunk(finish_reason="stop"))
OK = stream(good("ok"))


@dataclass(frozen=True)
class Outcome:
    """What a request came to: the text until then, and the finish reason or the error's code."""

    text: str
    end: str


async def outcome(provider: OpenAIProvider) -> Outcome:
    text, end = "", ""
    with anyio.fail_after(10):
        try:
            async with provider.stream(PROMPT) as pieces:
                async for piece in pieces:
                    assert not end
                    if isinstance(piece, Text):
                        text += piece.text
                    else:
                        end = piece.reason
        except SidecarError as exc:
            assert not end
            end = exc.code
    return Outcome(text, end)


def raw(content: bytes, *, head: bytes = b"Content-Type: text/event-stream\r\n", then: str = "cut") -> Script:
    """Return a script that sends 200, these headers and these bytes as they are."""

    def script(asked: Asked) -> None:
        asked.send(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + content)
        if then == "cut":
            asked.cut()
        elif then == "reset":
            asked.reset()

    return script


def chunked(content: bytes, then: str, *, dribble: bool = False) -> Script:
    """Return a script that sends the content in chunks, and then cuts, resets or ends in the middle of a chunk."""

    def script(asked: Asked) -> None:
        asked.head()
        if content:
            asked.chunk(content)
        if dribble:
            asked.send(b"ff\r\ndata: {")
        if then == "reset":
            asked.pause(0.05)  # a reset overtakes what was sent before it
            asked.reset()
        asked.cut()

    return script


def exactly(content: bytes) -> Script:
    """Return a script that sends these bytes instead of an answer, and leaves."""

    def script(asked: Asked) -> None:
        asked.send(content)
        asked.cut()

    return script


def endless_headers(asked: Asked) -> None:
    asked.send(b"HTTP/1.1 200 OK\r\n")
    asked.drip(b"X-Filler: 0123456789\r\n" * 20_000, size=4096)


def byte_by_byte(asked: Asked) -> None:
    asked.head()
    for index in range(len(content := good("The sky 😀"))):
        asked.chunk(content[index : index + 1])
    asked.end()


def silent_reset(asked: Asked) -> None:
    asked.reset()


LENGTH = b"Content-Type: text/event-stream\r\nContent-Length: %d\r\n"
TEN_THOUSAND = b"".join(event(chunk(str(number % 10))) for number in range(10_000))

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


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_u34_the_target_of_a_redirect_sees_no_request(code: int) -> None:
    with running(OK) as target, running(status(code, Location=f"{target.url}/v1/chat/completions")) as server:
        async with opened(server.url) as provider:
            assert await outcome(provider) == Outcome("", "upstream_protocol")
        assert target.connected == 0
        assert len(server.asked) == 1


async def test_u35_information_before_the_answer_is_passed_over() -> None:
    def script(asked: Asked) -> None:
        asked.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 10)
        OK(asked)

    with running(script) as server:
        async with opened(server.url) as provider:
            assert await outcome(provider) == Outcome("ok", "stop")


async def test_u47_an_answer_before_the_whole_request_was_read() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    big = replace(PROMPT, system="x" * 3_000_000)
    with closing(listener):
        async with (
            opened(f"http://127.0.0.1:{listener.getsockname()[1]}") as provider,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(anyio.to_thread.run_sync, refuse)
            with pytest.raises(SidecarError) as caught:
                await ask(provider, big)
            assert caught.value.code == Code.UPSTREAM_BAD_REQUEST


class TestKeptConnections:
    async def test_u48_one_that_was_closed_meanwhile_is_replaced_without_a_pause(self) -> None:
        def close_next(asked: Asked) -> None:
            OK(asked)
            asked.connection.read_request(bytearray())  # the next request comes, and no answer
            asked.cut()

        with running(close_next, OK) as server:
            async with opened(server.url) as provider:
                assert await outcome(provider) == Outcome("ok", "stop")
                assert await outcome(provider) == Outcome("ok", "stop")
        assert [asked.number for asked in server.asked] == [0, 1]

    async def test_u50_what_is_left_on_one_is_nobodys_answer(self) -> None:
        def too_much(asked: Asked) -> None:
            stolen = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(good("stolen")) + good("stolen")
            body = good("ok")
            asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body) + stolen)
            asked.hold()

        with running(too_much) as server:
            async with opened(server.url) as provider:
                for _ in range(3):
                    assert await outcome(provider) == Outcome("ok", "stop")
        assert [asked.number for asked in server.asked] == [0, 1, 2]

    async def test_u25_what_follows_the_last_word_is_nobodys_answer(self) -> None:
        def talkative(asked: Asked) -> None:
            asked.head()
            asked.chunk(good("ok"))
            asked.pause(0.01)
            asked.chunk(A)
            asked.end()

        with running(talkative) as server:
            async with opened(server.url) as provider:
                for _ in range(3):
                    assert await outcome(provider) == Outcome("ok", "stop")

    async def test_u49_one_that_is_dead_without_a_word_runs_out_of_time(self) -> None:
        def mute_from_the_second_on(asked: Asked) -> None:
            if len(server.asked) == 1:
                OK(asked)
            else:
                asked.hold()

        with running(mute_from_the_second_on) as server:
            async with opened(server.url, replace(PATIENT, first_token_seconds=0.2)) as provider:
                assert await outcome(provider) == Outcome("ok", "stop")
                assert await outcome(provider) == Outcome("", "timeout_first_token")
        assert [asked.number for asked in server.asked] == [0, 0]

    async def test_errors_leave_them_usable(self) -> None:
        with running(status(400, {"error": "x"}), OK) as server:
            async with opened(server.url) as provider:
                await outcome(provider)
                assert await outcome(provider) == Outcome("ok", "stop")
        assert [asked.number for asked in server.asked] == [0, 0]


@contextmanager
def unreachable() -> Iterator[str]:
    """Give an address where nobody listens, and nobody else can come to."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


async def test_u06_a_refused_connection() -> None:
    with unreachable() as url:
        async with opened(url) as provider:
            assert await outcome(provider) == Outcome("", "upstream_connect")


async def test_u07_a_connection_that_nobody_accepts() -> None:
    with closing(socket.socket()) as full, closing(socket.socket()) as first, closing(socket.socket()) as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        async with opened(url, replace(PATIENT, connect_seconds=0.1)) as provider:
            assert await outcome(provider) == Outcome("", "timeout_connect")


async def test_u56_a_proxy_that_is_not_there() -> None:
    with unreachable() as url:
        async with opened("https://provider.invalid", SIDECAR_PROXY=url) as provider:
            assert await outcome(provider) == Outcome("", "upstream_connect")


async def test_u01_a_name_that_is_not_there() -> None:
    async with opened("https://nowhere.invalid") as provider:
        assert await outcome(provider) == Outcome("", "upstream_dns")


@pytest.mark.parametrize(("wish", "seconds"), [("11", 11.0), ("1000000000", 86_400.0)])
async def test_u32_a_pause_that_is_too_long_is_passed_on(wish: str, seconds: float) -> None:
    with running(status(429, Retry_After=wish)) as server:
        async with opened(server.url) as provider:
            with pytest.raises(SidecarError) as caught:
                await ask(provider)
            assert caught.value.retry_after == seconds


async def test_u53_ten_thousand_deltas_do_not_hold_the_others_up() -> None:
    longest, last = 0.0, anyio.current_time()

    async def watch() -> None:
        nonlocal longest, last
        while True:
            await anyio.lowlevel.checkpoint()
            longest, last = max(longest, anyio.current_time() - last), anyio.current_time()

    with running(stream(TEN_THOUSAND + STOP + DONE)) as server:
        async with opened(server.url) as provider, anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            assert "".join((await ask(provider))[0]) == "0123456789" * 1000
            tasks.cancel_scope.cancel()
    assert longest < 0.1


async def test_a_message_of_the_provider_reaches_the_person_without_the_key() -> None:
    echo = {"error": {"message": "model \x1b[1m `x` is unknown to sk-canary0123456789ABCDEF"}}
    with running(status(404, echo)) as server:
        async with opened(server.url) as provider:
            with pytest.raises(SidecarError, match=r"\(status 404\): model \[1m `x` is unknown to \*\*\*\Z"):
                await ask(provider)


async def test_two_at_once_learn_the_same_and_both_get_their_answer() -> None:
    both = threading.Barrier(2)

    def strict(asked: Asked) -> None:
        if "stream_options" in asked.json:
            both.wait(5)
            status(400, {"error": {"message": "Unknown parameter: 'stream_options'"}})(asked)
        else:
            OK(asked)

    with running(strict) as server:
        async with opened(server.url) as provider, anyio.create_task_group() as tasks:
            tasks.start_soon(ask, provider)
            tasks.start_soon(ask, provider)
        assert len(server.asked) == 4


async def test_what_a_model_does_not_take_is_left_out_at_the_next_try() -> None:
    complaint = {
        "error": {"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.", "param": "max_tokens"}
    }
    with running(status(400, complaint), OK) as server:
        async with opened(server.url) as provider:
            assert (await ask(provider))[1] == Finish("stop", (await ask(provider))[1].usage)
    assert [("max_tokens" in asked.json, "max_completion_tokens" in asked.json) for asked in server.asked] == [
        (True, False),
        (False, True),
        (False, True),
    ]
