"""Bytes to requests: the guard looks at a head, h11 has to agree, the body follows, a route understands it all."""

from dataclasses import replace

import h11
from msgspec import UNSET

from protocol.codec import Addressee
from protocol.errors import ProtocolError
from protocol.messages import Ping
from sidecar.dialects.http.access import Door
from sidecar.dialects.http.chunks import ChunkDecoder, too_large
from sidecar.dialects.http.completion_forms import describe
from sidecar.dialects.http.forms import Fixed, RefusalForm
from sidecar.dialects.http.guard import Head, HeadGuard
from sidecar.dialects.http.refused import Refused
from sidecar.dialects.http.request import HttpRequest
from sidecar.dialects.http.routing import Route
from sidecar.errors import SidecarError
from sidecar.session import Incoming, NoMore

_NOBODY = Addressee(id=UNSET, wants_events=False)
_CONTINUE = Incoming(asked=Ping(), addressee=_NOBODY, form=Fixed(b"HTTP/1.1 100 Continue\r\n\r\n"), is_open=True)


class _Arriving:
    """A request whose head was let in and whose body is still to come."""

    def __init__(self, head: Head, raw_head: bytes, admitted: tuple[Route, dict[str, str]], max_bytes: int) -> None:
        _check_by_h11(raw_head)
        self.head = head
        self.route, self.parameters = admitted
        self._head_bytes = len(raw_head)
        self._left = head.length or 0
        self._chunks = ChunkDecoder(max_bytes) if head.length is None else None
        self._body = bytearray()

    @property
    def wire_bytes(self) -> int:
        """How many have come of it."""
        return self._head_bytes + (self._chunks.wire_bytes if self._chunks is not None else len(self._body))

    @property
    def is_whole(self) -> bool:
        return self._chunks.is_whole if self._chunks is not None else not self._left

    def take(self, buffer: bytearray) -> None:
        """Take out of `buffer` what belongs to it. Raises Refused."""
        if self._chunks is not None:
            self._body += self._chunks.take(buffer)
        elif self._left:
            part = buffer[: self._left]
            del buffer[: self._left]
            self._left -= len(part)
            self._body += part

    def finish(self) -> HttpRequest:
        return HttpRequest(head=self.head, parameters=self.parameters, body=bytes(self._body))


def _check_by_h11(raw_head: bytes) -> None:
    """Ask a second opinion of what the guard has let in."""
    parser = h11.Connection(h11.SERVER)
    try:
        parser.receive_data(raw_head)
        parser.next_event()
    except h11.RemoteProtocolError:
        raise Refused("This is no request of HTTP/1.1.") from None


class RequestReader:
    """Takes requests out of what a connection sends. After a refusal, and behind `Connection: close`, there is none."""

    def __init__(self, door: Door, max_body_bytes: int) -> None:
        self._door = door
        self._max_body_bytes = max_body_bytes
        self._buffer = bytearray()
        self._guard = HeadGuard()
        self._arriving: _Arriving | None = None
        self._has_all = False
        self._is_openai = False
        """Whether a refusal must be one that OpenAI's clients understand."""
        self._is_head = False
        """Whether it must have no body."""

    @property
    def buffered_bytes(self) -> int:
        return len(self._buffer) + (self._arriving.wire_bytes if self._arriving is not None else 0)

    def feed(self, chunk: bytes) -> None:
        if not self._has_all:
            self._buffer += chunk

    def end(self) -> None:
        """A client that ends its input has left: nothing is looked at any more."""

    def next_payload(self) -> Incoming | None:
        """Return the next request; None while it is not whole.

        Raises:
            NoMore: there will be none.
        """
        if self._has_all:
            raise NoMore
        try:
            return self._next()
        except (ProtocolError, SidecarError) as exc:
            self._end()
            error = self._door.routes.veiled(exc)
            form = RefusalForm(error, describe=describe if self._is_openai else None, is_head=self._is_head)
            return Incoming(asked=error, addressee=_NOBODY, form=form, is_open=True)

    def _next(self) -> Incoming | None:
        if self._arriving is None:
            self._is_openai = self._is_head = False
            found = self._guard.next_head(self._buffer)
            if found is None:
                return None
            head, raw = found
            self._is_openai, self._is_head = head.path.startswith("/v1/"), head.method == "HEAD"
            admitted = self._door.admit(head)
            if self._door.token is not None and admitted[0].is_open:
                # Those that have not shown the token have few places, and keep none. This is no place to try tokens,
                # either: the answer is the same with any.
                head = replace(head, closes=True)
            if (head.length or 0) > self._max_body_bytes:
                raise too_large(self._max_body_bytes)
            self._arriving = _Arriving(head, raw, admitted, self._max_body_bytes)
            if head.expects_continue and not self._buffer and not self._arriving.is_whole:
                return _CONTINUE
        arriving = self._arriving
        arriving.take(self._buffer)
        if not arriving.is_whole:
            return None
        self._arriving = None
        if arriving.head.closes:
            self._end()
        return arriving.route.understand(arriving.finish())

    def _end(self) -> None:
        self._has_all = True
        self._arriving = None
        self._buffer.clear()
