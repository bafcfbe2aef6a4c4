"""HTTP/1.1 answers from bytes, without I/O: httptools, with the bounds and the ends that it does not have.

One parser reads one answer. What follows that on the connection is nobody's: httptools would go on parsing it.
"""

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from msgspec import Struct

from sidecar.errors import SidecarError, UpstreamProtocol
from sidecar.http_pool.failures import Cut

# What is no body: the head, and the framing between two pieces of the body. httptools bounds neither.
MAX_HEAD_BYTES = 64 * 1024

MAX_INFORMATION = 16
"""Answers of 1xx before the one that counts."""

# httptools takes "RTSP/1.1" for HTTP, and version 2.0 in the form of 1.1.
_BEGINNING = b"HTTP/1."


class Head(Struct, frozen=True):
    """The status of an answer and its headers, as they came."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]


class ResponseParser:
    """Bytes in, a head and a body out."""

    def __init__(self) -> None:
        self.head: Head | None = None
        """None until it is whole."""
        self.is_complete = False
        """Whether the answer has ended as it announced."""
        self.is_reusable = False
        """Whether the connection may carry another answer behind this one."""
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        """None behind the end: it refers to us."""
        self._beginning = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._information = 0
        self._has_length = False
        self._framing_bytes = 0
        self._failure: SidecarError | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Take what came and return what of the body is in it. Not to be called once it is complete.

        Raises:
            UpstreamProtocol: it is no HTTP/1.1, or goes beyond its bounds.
        """
        assert self._parser is not None  # noqa: S101
        if len(self._beginning) < len(_BEGINNING):
            self._look_at_beginning(chunk)
        try:
            self._parser.feed_data(chunk)
        except (HttpParserError, HttpParserUpgrade):
            self._fail()
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        self._framing_bytes = 0 if body else self._framing_bytes + len(chunk)
        if self._framing_bytes > MAX_HEAD_BYTES and not self.is_complete:
            raise UpstreamProtocol(f"The provider's answer has more than {MAX_HEAD_BYTES} bytes beside its content.")
        if self.is_complete:
            self._parser = None
        return body

    def finish(self) -> None:
        """Take the end of the connection, which ends the answer only where neither length nor chunks were announced.

        Raises:
            Cut: it came too early.
        """
        if self.head is None or self._has_length:
            raise Cut
        self.is_complete = True
        self._parser = None

    def _look_at_beginning(self, chunk: bytes) -> None:
        self._beginning = (self._beginning + chunk).lstrip(b"\r\n")[: len(_BEGINNING)]
        if not _BEGINNING.startswith(self._beginning):
            raise UpstreamProtocol("The provider's answer is not HTTP/1.1.")

    def _fail(self) -> None:
        if self._failure is not None:
            raise self._failure from None
        if self.is_complete:  # it is what follows that cannot be parsed, or is not wanted
            self.is_reusable = False
            return
        wrong = "is not HTTP/1.1" if self.head is None else "breaks the rules of HTTP/1.1"
        raise UpstreamProtocol(f"The provider's answer {wrong}.") from None

    # What follows is called by httptools, which turns what it raises into an HttpParserError.

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise ValueError("bytes behind the answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.head is None:  # else it is a trailer
            self._headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        assert self._parser is not None  # noqa: S101 (it is what calls)
        status = self._parser.get_status_code()
        if status < 200:
            self._take_information(status)
            return
        codings = [value for name, value in self._headers if name.lower() == b"transfer-encoding"]
        if codings and [coding.strip().lower() for coding in codings] != [b"chunked"]:
            self._refuse("The provider's answer comes in a transfer coding that was not asked for.")
        self._has_length = bool(codings) or any(name.lower() == b"content-length" for name, _ in self._headers)
        self.head = Head(status, tuple(self._headers))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self.head is not None:  # else it was information
            assert self._parser is not None  # noqa: S101
            self.is_complete = True
            self.is_reusable = self._parser.should_keep_alive()

    def _take_information(self, status: int) -> None:
        self._information += 1
        self._headers.clear()
        if status <= 101 and status != 100:
            self._refuse(f"The provider's answer has the status {status}, which was not asked for.")
        if self._information > MAX_INFORMATION:
            self._refuse(f"The provider sent more than {MAX_INFORMATION} answers of information before the real one.")

    def _refuse(self, message: str) -> None:
        self._failure = UpstreamProtocol(message)
        raise self._failure
