"""How messages become responses: as one JSON object, as server-sent events, or as something fixed."""

from collections.abc import Sequence

from protocol import codec
from protocol.errors import STATUS, Code, ProtocolError
from protocol.messages import Answer, Delta, Done, Error, Event, Failure, Handover, Success
from sidecar.dialects.http.guard import Head
from sidecar.dialects.http.responses import LAST_CHUNK, Describe, chunk, head, refuse, retry_after, whole
from sidecar.errors import SidecarError

EVENT_STREAM = "text/event-stream"

# `no-transform`: a proxy that compresses would hold events back until it has a block of them.
_STREAM_FIELDS = {
    "Content-Type": EVENT_STREAM,
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
}

COMMENT = b":\n\n"
"""A sign of life among server-sent events, which their readers skip."""


class Fixed:
    """The same bytes, whatever there is to say."""

    heartbeat = b""

    def __init__(self, response: bytes) -> None:
        self._response = response

    def encode(self, _messages: Sequence[Event | Answer]) -> bytes:
        return self._response


class RefusalForm(Fixed):
    """What a request gets that goes no further, and its connection with it."""

    def __init__(
        self, error: ProtocolError | SidecarError, *, describe: Describe | None = None, is_head: bool = False
    ) -> None:
        super().__init__(refuse(error, describe=describe, is_head=is_head))


class JsonForm:
    """One response with one JSON object."""

    heartbeat = b""

    def __init__(self, request: Head, *, always_ok: bool = False) -> None:
        """`always_ok`: the status is 200 whatever the body says."""
        self._request = request
        self._always_ok = always_ok

    def encode(self, messages: Sequence[Event | Answer]) -> bytes:
        (message,) = messages
        if isinstance(message, Error):
            message = as_failure(message)
        if isinstance(message, Failure):
            status = 200 if self._always_ok else STATUS[Code(message.code)]
            return self._whole(status, message, retry_after(message.retry_after))
        return self._whole(200, message, {})

    def _whole(self, status: int, message: Event | Answer | Handover, fields: dict[str, str]) -> bytes:
        body = codec.encode(message) + b"\n"
        return whole(status, body, closes=self._request.closes, is_head=self._request.method == "HEAD", fields=fields)


class Stream:
    """A response that is sent piece by piece: in chunks, or in HTTP/1.0 until the connection ends."""

    def __init__(self, request: Head) -> None:
        self._request = request
        self.has_begun = False

    def send(self, body: bytes, *, is_last: bool = False) -> bytes:
        """Return the bytes of the next piece, behind the head where it is the first."""
        begin = b"" if self.has_begun else self._head()
        if self._request.is_old:
            return begin + body
        return begin + chunk(body) + (LAST_CHUNK if is_last else b"")

    def _head(self) -> bytes:
        self.has_begun = True
        framing = {} if self._request.is_old else {"Transfer-Encoding": "chunked"}
        return head(200, _STREAM_FIELDS | framing, closes=self._request.closes)


class EventStreamForm:
    """Server-sent events, one a message; a request that is refused before its first gets one JSON object."""

    def __init__(self, request: Head, *, always_ok: bool = False) -> None:
        self._plain = JsonForm(request, always_ok=always_ok)
        self._stream = Stream(request)

    @property
    def heartbeat(self) -> bytes:
        return self._stream.send(COMMENT) if self._stream.has_begun else b""

    def encode(self, messages: Sequence[Event | Answer]) -> bytes:
        if not self._stream.has_begun and isinstance(messages[0], Error | Failure):
            return self._plain.encode(messages)
        is_last = isinstance(messages[-1], Done | Error)
        return self._stream.send(b"".join(map(_event, messages)), is_last=is_last)


def as_failure(error: Error) -> Failure:
    """Return what a plain answer would have been."""
    return Failure(
        success=False,
        error=error.message,
        code=error.code,
        id=error.id,
        usage=error.usage,
        shared=error.shared,
        retry_after=error.retry_after,
    )


def _event(message: Event | Answer) -> bytes:
    number = b"id: %d\n" % message.seq if isinstance(message, Delta) else b""
    assert not isinstance(message, Success | Failure)  # noqa: S101 - those are plain
    name = message.__struct_config__.tag
    return b"event: %s\n%sdata: %s\n\n" % (str(name).encode(), number, codec.encode(message))
