"""The two dialects of the load: the sidecar's frames, and the provider's own HTTP. Pure: bytes in, text out."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

_TEXT = re.compile(rb'"delta":\{"content":"([^"]*)"')


class Reader(Protocol):
    """Reads one reply after the other: feed bytes, get the text in them."""

    end: str | None
    """How the reply ended: `done`, or what went wrong. None while it goes on. To be reset by who sees it."""
    is_shared: bool
    """Whether the last reply shared a call that another had paid for."""

    def feed(self, came: bytes) -> str: ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a request is written, who reads the reply, and whether a connection serves more than one."""

    write: Callable[[str], bytes]
    """Of a model's name."""
    make_reader: Callable[[], Reader]
    keeps_connection: bool


class _Event(msgspec.Struct):
    event: str | None = None
    text: str = ""
    code: str = ""
    shared: bool = False


_decode_event = msgspec.json.Decoder(_Event).decode


class FrameReader:
    """Reads the events of a streamed request in frames (SPEC.md 2.2 and 4)."""

    def __init__(self) -> None:
        self._received = bytearray()
        self.end: str | None = None
        self.is_shared = False

    def feed(self, came: bytes) -> str:
        received = self._received
        received += came
        texts, start = [], 0
        while len(received) >= start + 4:
            stop = start + 4 + int.from_bytes(received[start : start + 4], "big")
            if len(received) < stop:
                break
            texts.append(self._take(received[start + 4 : stop]))
            start = stop
        del received[:start]
        return "".join(texts)

    def _take(self, payload: bytearray) -> str:
        event = _decode_event(payload)
        if event.event == "delta":
            return event.text
        if event.event in ("done", "error"):
            self.end, self.is_shared = event.code or "done", event.shared
        elif event.event is None:
            self.end = event.code or "a plain answer"
        return ""


class HttpReader:
    """Reads the stand-in provider's streams. It knows that an event is never cut in two by the chunks of HTTP."""

    def __init__(self) -> None:
        self._received = b""
        self._has_head = False
        self.end: str | None = None
        self.is_shared = False

    def feed(self, came: bytes) -> str:
        received = self._received + came
        if not self._has_head and len(received) >= 12:
            self._has_head = True
            if not received.startswith(b"HTTP/1.1 200"):
                self.end = f"status {received[9:12].decode('latin-1')}"
        if received.endswith(b"\r\n0\r\n\r\n"):
            whole, self._received, self._has_head = received, b"", False
            self.end = self.end or "done"
        else:
            stop = received.rfind(b"\n\n") + 1
            whole, self._received = received[:stop], received[stop:]
        return b"".join(_TEXT.findall(whole)).decode()


class TokenCounter:
    """Reads the stand-in provider's tokens from a text that comes in pieces, and sees that none is missing."""

    def __init__(self) -> None:
        self._rest = ""
        self.count = 0
        self.is_in_order = True

    def take(self, text: str) -> list[int]:
        """Return when each token that is whole now was written, in microseconds."""
        *tokens, self._rest = (self._rest + text).split(";")
        times = []
        for token in tokens:
            index, _, stamp = token.partition(":")
            if index != str(self.count) or not stamp.isdecimal():
                self.is_in_order = False
                break
            self.count += 1
            times.append(int(stamp))
        return times

    def is_whole(self, expected: int) -> bool:
        """Say whether exactly `expected` tokens have come, and nothing else."""
        return self.is_in_order and self.count == expected and not self._rest


def write_frame(model: str) -> bytes:
    """Return a request of the sidecar's protocol as a frame."""
    return _frame(action="chat", content="Count.", model=model)


def write_summary(model: str, text: str) -> bytes:
    """Return a request that is answered once for all who ask for the same."""
    return _frame(action="summarize", content=text, model=model)


def _frame(**fields: str) -> bytes:
    request = {"id": "1", "user_id": "7", "stream": True, **fields}
    payload = json.dumps(request).encode()
    return len(payload).to_bytes(4, "big") + payload


def write_http(model: str) -> bytes:
    """Return the same as a request to the provider."""
    request = {
        "model": model,
        "messages": [{"role": "system", "content": "You count."}, {"role": "user", "content": "Count."}],
        "stream": True,
    }
    body = json.dumps(request).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer bench\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


# As PHP does it: a new connection for each request. The sidecar keeps those to the provider.
FRAMES = Dialect(write_frame, FrameReader, keeps_connection=False)

# A relay cannot keep connections to the provider itself: so the load does, or each reply would pay for TLS.
HTTP = Dialect(write_http, HttpReader, keeps_connection=True)
