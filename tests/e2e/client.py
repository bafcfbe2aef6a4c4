"""A client of the program: one connection, in frames or in lines. Every wait is bounded."""

import socket
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from protocol import codec
from protocol.framing import FrameDecoder, LineDecoder, encode_frame, encode_line
from protocol.messages import Answer, Chat, Delta, Done, Error, Event, Failure, Heartbeat, Request, Start, Success
from tests.e2e.program import PATIENCE_SECONDS

DialectName = Literal["frames", "lines"]
Message = Event | Answer


class Client:
    """A connection; a context manager that closes it."""

    def __init__(self, sock: socket.socket, dialect: DialectName = "frames") -> None:
        self.socket = sock
        self.socket.settimeout(PATIENCE_SECONDS)
        self._decoder = FrameDecoder() if dialect == "frames" else LineDecoder()
        self._encode = encode_frame if dialect == "frames" else encode_line

    @classmethod
    def unix(cls, path: Path, dialect: DialectName = "frames") -> Self:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(str(path))
        return cls(sock, dialect)

    @classmethod
    def tcp(cls, port: int, dialect: DialectName = "frames") -> Self:
        return cls(socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS), dialect)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, *requests: Request) -> None:
        self.socket.sendall(b"".join(self._encode(codec.encode(request)) for request in requests))

    def receive(self) -> Message:
        """Return the next message but heartbeats; raises EOFError where the server has closed."""
        while True:
            while (payload := self._decoder.next_payload()) is None:
                chunk = self.socket.recv(64 * 1024)
                if not chunk:
                    raise EOFError
                self._decoder.feed(chunk)
            message = codec.decode_reply(payload)
            if not isinstance(message, Heartbeat):
                return message

    def receive_rest(self) -> list[Message]:
        """Return all that comes until the server closes."""
        messages = []
        try:
            while True:
                messages.append(self.receive())
        except (EOFError, ConnectionResetError):
            return messages

    def receive_end(self) -> list[Message]:
        """Return the messages until the first that ends a request, with it."""
        messages = [self.receive()]
        while not is_end(messages[-1]):
            messages.append(self.receive())
        return messages

    def ask(self, request: Request) -> list[Message]:
        """Send a request and return all that comes for it, where nothing else is running."""
        self.send(request)
        return self.receive_end()


def stream(request_id: str, *, tokens: int = 12) -> Chat:
    """Return a request that the demo answers in `tokens` steps of 25 ms."""
    return Chat(id=request_id, content="Hi", stream=True, max_tokens=tokens)


def is_end(message: Message) -> bool:
    return isinstance(message, Done | Error | Success | Failure)


def text_of(messages: Sequence[Message]) -> str:
    """Return the text of a stream that began and ended well, after a look at its numbers."""
    start, *deltas, done = messages
    assert isinstance(start, Start), messages
    assert isinstance(done, Done), messages
    pieces = [delta for delta in deltas if isinstance(delta, Delta)]
    assert [delta.seq for delta in pieces] == [*range(1, len(deltas) + 1)]
    return "".join(delta.text for delta in pieces)


def plain_text(client: Client, *, tokens: int = 12) -> str:
    """Return at once what `stream` gives, for it is always the same."""
    [answer] = client.ask(Chat(id="plain", content="Hi", max_tokens=tokens))
    assert isinstance(answer, Success), answer
    return answer.data
