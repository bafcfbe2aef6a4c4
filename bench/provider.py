"""The stand-in provider: chat completions that stream tokens at a given pace, many at once, for little CPU.

The model's name says how: `50x100` is 100 tokens at 50 a second, `0x5` is 5 tokens as fast as they are taken, and
`0x5x3` is the same with the connection cut behind the third. A token's text is `<index>:<time>;`, with the time at
which it was written in microseconds of the machine's monotonic clock: so whoever reads it knows how long it took.

Run as a program it prints its two ports, for TLS and for plain HTTP, and serves until it is stopped.
"""

import asyncio
import json
import re
import ssl
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import cast

import uvloop

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_REFUSAL = b"HTTP/1.1 %d Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

# As long as OpenAI's own: about 270 bytes.
_EVENT = (
    b'data: {"id":"chatcmpl-BJ6xUqnQ2dDgk3vZ8sYmTfWhLcPeR","object":"chat.completion.chunk","created":1760000000,'
    b'"model":"bench","service_tier":"default","system_fingerprint":"fp_0123456789",'
    b'"choices":[{"index":0,"delta":%b,"logprobs":null,"finish_reason":%b}]%b}\n\n'
)
_USAGE = b',"usage":{"prompt_tokens":9,"completion_tokens":%d,"total_tokens":%d}'
_DONE = b"data: [DONE]\n\n"

# Written in one go where no pace is kept; beyond that the loop must get its turn.
_BURST_TOKENS = 64

_MAX_REQUEST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Script:
    """What to answer: `tokens` tokens at `rate` a second (0: as fast as they are taken), cut behind `cut` of them."""

    rate: float
    tokens: int
    cut: int | None = None

    @classmethod
    def parse(cls, model: str) -> "Script":
        """Read a model's name.

        Raises:
            ValueError: it says nothing that could be answered.
        """
        match = re.fullmatch(r"(\d{1,6})x(\d{1,7})(?:x(\d{1,7}))?", model)
        if match is None:
            raise ValueError(f"the model must be called as 50x100 or 50x100x3, not {model!r}")
        rate, tokens, cut = match.groups()
        return cls(float(rate), int(tokens), None if cut is None else int(cut))


class Connection(asyncio.Protocol):
    """One connection, which serves one request after the other."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._received = bytearray()
        self._transport: asyncio.Transport
        self._script: Script | None = None
        self._written = 0
        self._began = 0.0
        self._timer: asyncio.Handle | None = None
        self._is_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        self._script = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._script is None:
            self._take_request()

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        if self._script is not None and self._timer is None:
            self._timer = self._loop.call_soon(self._go_on)

    def _take_request(self) -> None:
        try:
            model = take_request(self._received)
            if model is None:
                return
            self._script = Script.parse(model)
        except ValueError:
            self._transport.write(_REFUSAL % 400)
            self._transport.close()
            return
        self._written = 0
        self._began = time.monotonic()  # the loop's own clock stands still while a callback runs
        self._transport.write(_HEAD)
        self._go_on()

    def _go_on(self) -> None:
        """Write what is due, and come back when more is."""
        self._timer = None
        script = self._script
        if script is None or self._is_paused:
            return
        burst = 1 if script.rate else _BURST_TOKENS
        while burst and self._written < script.tokens and not self._is_paused:
            if self._written == script.cut:
                self._script = None
                self._transport.abort()
                return
            self._write(_event(b'{"content":"%d:%d;"}' % (self._written, time.monotonic_ns() // 1000)))
            self._written += 1
            burst -= 1
        if burst and not self._is_paused:  # all are written, and it is time for the end
            self._finish()
        elif script.rate:
            due = self._began + self._written / script.rate
            self._timer = self._loop.call_later(max(0.0, due - time.monotonic()), self._go_on)
        elif not self._is_paused:
            self._timer = self._loop.call_soon(self._go_on)

    def _finish(self) -> None:
        usage = _USAGE % (self._written, 9 + self._written)
        self._script = None
        self._write(_event(b"{}", b'"stop"', usage), _DONE, b"")
        if self._received:
            self._take_request()

    def _write(self, *events: bytes) -> None:
        self._transport.write(b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in events))


def _event(delta: bytes, reason: bytes = b"null", usage: bytes = b"") -> bytes:
    return _EVENT % (delta, reason, usage)


def take_request(received: bytearray) -> str | None:
    """Remove one whole request from `received` and return its model; None: it is not whole yet.

    Raises:
        ValueError: it is none that could be answered.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        if len(received) > _MAX_REQUEST_BYTES:
            raise ValueError("the head of the request is too long")
        return None
    head = bytes(received[:end])
    length = re.search(rb"\r\ncontent-length: *(\d{1,7})", head, re.IGNORECASE)
    if length is None or not re.match(rb"POST \S*/chat/completions ", head):
        raise ValueError("no request for a chat completion")
    total = end + 4 + int(length[1])
    if total > _MAX_REQUEST_BYTES:
        raise ValueError("the request is too long")
    if len(received) < total:
        return None
    body = json.loads(received[end + 4 : total])
    del received[:total]
    if not isinstance(body, dict) or body.get("stream") is not True:
        raise ValueError("only streams are served")
    return str(body.get("model"))


async def serve(certificate: str) -> None:
    """Listen on two ports of the loopback interface and print them, TLS first; `certificate` has the key in it."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    make = partial(Connection, loop)
    # Two thousand: all clients of a run may come at once.
    secure = await loop.create_server(make, "127.0.0.1", 0, ssl=tls, backlog=2048)
    plain = await loop.create_server(make, "127.0.0.1", 0, backlog=2048)
    ports = [server.sockets[0].getsockname()[1] for server in (secure, plain)]
    sys.stdout.write(f"{ports[0]} {ports[1]}\n")
    sys.stdout.flush()
    async with secure, plain:
        await secure.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
