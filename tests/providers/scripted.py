"""A provider over real TCP, and TLS where it is given a context, that answers as scripts say, and notes what it sees.

A script is a function of the request: `def script(request): request.head(200); request.send(b"..."); request.cut()`.
Each request takes the next script; the last one serves all that follow. The server lives in threads, apart from the
event loop that is tested: so it can block, and nothing of the tested code can hold it up.
"""

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

PATIENCE_SECONDS = 5.0
Script = Callable[["Asked"], None]


class Hangup(Exception):
    """The script has ended the connection."""


@dataclass
class Asked:
    """One request, and the means to answer it."""

    connection: "_Connection"
    number: int
    """Of the connection, from 0: two requests with the same one shared it."""
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    waiting: threading.Event = field(default_factory=threading.Event)
    """Set when `hold` begins."""
    left: threading.Event = field(default_factory=threading.Event)
    """Set when the client was seen to leave, by `hold`."""
    left_at: float = 0.0
    at: float = field(default_factory=time.monotonic)
    is_chunked: bool = False

    @property
    def json(self) -> dict[str, object]:
        content: dict[str, object] = json.loads(self.body)
        return content

    def send(self, content: bytes) -> None:
        self.connection.send(content)

    def drip(self, content: bytes, *, size: int = 1, seconds: float = 0.0) -> None:
        """Send `content` in pieces, each in a segment of its own."""
        for start in range(0, len(content), size):
            self.send(content[start : start + size])
            if seconds:
                self.pause(seconds)

    def pause(self, seconds: float) -> None:
        """Wait, but not for longer than the client stays."""
        if self.connection.is_left_within(seconds):
            self._leave()

    def head(self, status: int = 200, *, kind: str | None = "text/event-stream", **fields: str) -> None:
        """Send the head of an answer in chunks."""
        self.is_chunked = True
        headers = {"Content-Type": kind, "Transfer-Encoding": "chunked"} if kind else {"Transfer-Encoding": "chunked"}
        headers |= {name.replace("_", "-"): value for name, value in fields.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.send(f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode("latin-1"))

    def chunk(self, content: bytes) -> None:
        self.send(b"%x\r\n%b\r\n" % (len(content), content))

    def end(self) -> None:
        self.send(b"0\r\n\r\n")

    def answer(self, status: int, content: bytes = b"", *, kind: str = "application/json", **fields: str) -> None:
        """Send a whole answer with its length."""
        fields |= {"Content_Type": kind, "Content_Length": str(len(content))}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        self.send(f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode("latin-1") + content)

    def hold(self) -> None:
        """Say nothing until the client leaves, and note when."""
        self.waiting.set()
        self.connection.is_left_within(None)
        self._leave()

    def cut(self) -> None:
        """End the connection as a process that ends does: FIN, and with TLS without its word of farewell."""
        raise Hangup

    def reset(self) -> None:
        """End the connection by RST."""
        self.connection.linger_not()
        raise Hangup

    def _leave(self) -> None:
        self.left_at = time.monotonic()
        self.left.set()
        raise Hangup


class _Connection:
    def __init__(self, raw: socket.socket, number: int) -> None:
        self.socket = raw
        self.number = number
        raw.settimeout(PATIENCE_SECONDS)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, content: bytes) -> None:
        self.socket.sendall(content)

    def is_left_within(self, seconds: float | None) -> bool:
        deadline = time.monotonic() + (PATIENCE_SECONDS if seconds is None else seconds)
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                if not self.socket.recv(65536):
                    return True
            except TimeoutError:
                break
            except OSError:
                return True
        self.socket.settimeout(PATIENCE_SECONDS)
        return False

    def linger_not(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def read_request(self, pending: bytearray) -> Asked | None:
        """Return the next request, or None where the client has left."""
        while b"\r\n\r\n" not in pending:
            if not (came := self.socket.recv(65536)):
                return None
            pending += came
        head, _, rest = bytes(pending).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        while len(rest) < length:
            if not (came := self.socket.recv(65536)):
                return None
            rest += came
        pending[:] = rest[length:]
        return Asked(self, self.number, method, target, headers, rest[:length])


class ScriptedProvider:
    """Listens on 127.0.0.1. `asked` has every request in the order in which they came."""

    def __init__(self, scripts: Sequence[Script], tls: ssl.SSLContext | None = None) -> None:
        self._scripts = list(scripts)
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._changed = threading.Condition()
        self._connections: list[_Connection] = []
        self.asked: list[Asked] = []
        self.connected = 0
        self.failures: list[Exception] = []

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    def wait_asked(self, count: int) -> None:
        """Wait until so many requests have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.asked) >= count, PATIENCE_SECONDS)

    def run(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            self.connected += 1
            threading.Thread(target=self._serve, args=(raw, self.connected - 1), daemon=True).start()

    def close(self) -> None:
        # Wakes accept, which close alone does not.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)

    def _serve(self, raw: socket.socket, number: int) -> None:
        try:
            if self._tls is not None:
                raw.settimeout(PATIENCE_SECONDS)
                raw = self._tls.wrap_socket(raw, server_side=True, suppress_ragged_eofs=True)
            with raw:
                connection = _Connection(raw, number)
                self._connections.append(connection)
                pending = bytearray()
                while (asked := connection.read_request(pending)) is not None:
                    with self._changed:
                        self.asked.append(asked)
                        script = self._scripts[min(len(self.asked), len(self._scripts)) - 1]
                        self._changed.notify_all()
                    script(asked)
        except (Hangup, OSError):
            raw.close()
        except Exception as exc:  # noqa: BLE001 (told at the end)
            self.failures.append(exc)
            raw.close()


@contextmanager
def running(*scripts: Script, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedProvider]:
    """Give a provider that runs these scripts, one for each request."""
    provider = ScriptedProvider(scripts, tls)
    thread = threading.Thread(target=provider.run, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        provider.close()
        thread.join(PATIENCE_SECONDS)
    assert not provider.failures, provider.failures


def chunk(text: str | None = None, **fields: object) -> dict[str, object]:
    """Return a chunk of a completion with one delta; `fields` go into its choice."""
    delta = {} if text is None else {"content": text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": None, **fields}],
    }


USAGE = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [],
    "usage": {"prompt_tokens": 21, "completion_tokens": 48, "total_tokens": 69},
}


def event(content: object) -> bytes:
    return b"data: %b\n\n" % (content.encode() if isinstance(content, str) else json.dumps(content).encode())


ROLE = event(chunk(delta={"role": "assistant", "content": ""}))
DONE = event("[DONE]")


def good(*texts: str, reason: str = "stop") -> bytes:
    """Return the events of a whole answer, as OpenAI sends them."""
    return (
        ROLE + b"".join(event(chunk(text)) for text in texts) + event(chunk(finish_reason=reason)) + event(USAGE) + DONE
    )


def stream(content: bytes, *, cut: bool = False) -> Script:
    """Return a script that answers 200 with these events in one chunk, and keeps the connection unless it is `cut`."""

    def script(asked: Asked) -> None:
        asked.head()
        asked.chunk(content)
        if cut:
            asked.cut()
        asked.end()

    return script


def status(code: int, content: object = b"", **fields: str) -> Script:
    """Return a script that answers with this status, and `content` as JSON unless it is bytes."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return lambda asked: asked.answer(code, body, **fields)
