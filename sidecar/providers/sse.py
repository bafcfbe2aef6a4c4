"""Decodes server-sent events from bytes, without I/O: feed what came, then take events until there is none.

    decoder.feed(chunk)
    while (event := decoder.next_event()) is not None: ...

The rules are those of the WHATWG (HTML, 9.2.6). Lines end at CR, LF and CRLF only, wherever the chunks are cut; U+2028
and its like are data.
"""

from collections import deque

from sidecar.unprinted import Unprinted

# A token's event has 300 bytes; whole texts and tool calls in one event stay below this.
MAX_LINE_BYTES = 256 * 1024
MAX_EVENT_BYTES = 1024 * 1024
# 64 times the text of the longest reply.
MAX_STREAM_BYTES = 16 * 1024 * 1024

BOM = b"\xef\xbb\xbf"
_CR, _LF = 13, 10
_DATA = b"data: "


class SseTooLarge(Exception):
    """A line, an event or the whole stream is longer than allowed; the decoder is of no use after it."""


class SseEvent(Unprinted, frozen=True, gc=False):
    """One event. `data` is not decoded: whoever reads JSON checks UTF-8 by that."""

    data: bytes
    name: bytes = b""


class SseDecoder:
    """Bytes in, events out. Holds no more than one event and what was fed last."""

    def __init__(
        self,
        *,
        max_line_bytes: int = MAX_LINE_BYTES,
        max_event_bytes: int = MAX_EVENT_BYTES,
        max_stream_bytes: int = MAX_STREAM_BYTES,
    ) -> None:
        self._max_line_bytes = max_line_bytes
        self._max_event_bytes = max_event_bytes
        self._max_stream_bytes = max_stream_bytes
        self._max_short_bytes = min(max_line_bytes, max_event_bytes)
        self._stream_bytes = 0
        self._lines: deque[bytes] = deque()
        """Whole lines that were not looked at yet, without their ends."""
        self._partial = bytearray()
        """The line whose end has not come."""
        self._ended_with_cr = False
        self._is_first_line = True
        self._is_between = False
        """Whether all that came before was taken, and belongs to nothing that follows."""
        self._data: list[bytes] = []
        self._event_bytes = 0
        self._name = b""
        self._whole: SseEvent | None = None
        """An event that came whole and alone, as most tokens do."""

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; what they bring, and what is wrong with them, `next_event` says."""
        if not chunk:
            return
        self._stream_bytes += len(chunk)
        if self._is_between and self._is_one_event(chunk):
            self._whole = SseEvent(chunk[len(_DATA) : -2])
            self._is_between = False
            return
        self._is_between = False
        if self._ended_with_cr and chunk[0] == _LF:  # a CRLF that was cut in two
            chunk = chunk[1:]
        if not chunk:
            self._ended_with_cr = False
            return
        self._ended_with_cr = chunk[-1] == _CR
        lines = chunk.splitlines()  # of bytes: only at CR, LF and CRLF
        tail = lines.pop() if chunk[-1] not in (_CR, _LF) else None
        if lines and self._partial:
            lines[0] = bytes(self._partial) + lines[0]
            self._partial.clear()
        self._lines.extend(lines)
        if tail is not None:
            self._partial += tail

    def next_event(self) -> SseEvent | None:
        """Return the next event, or None where more bytes are needed.

        Raises:
            SseTooLarge: one of the bounds is passed.
        """
        if self._whole is not None:
            whole, self._whole = self._whole, None
            self._is_between = not (self._lines or self._partial or self._ended_with_cr)
            return whole
        if self._is_between:
            return None
        while self._lines:
            event = self._take_line(self._lines.popleft())
            if event is not None:
                return event
        if len(self._partial) > self._max_line_bytes:
            raise SseTooLarge(f"a line has more than {self._max_line_bytes} bytes")
        if self._stream_bytes > self._max_stream_bytes:
            raise SseTooLarge(f"the stream has more than {self._max_stream_bytes} bytes")
        belongs = self._partial or self._data or self._name or self._is_first_line or self._ended_with_cr
        self._is_between = not belongs
        return None

    def finish(self) -> SseEvent | None:
        """Return the event that the end of the stream left without its blank line, or None.

        The rules drop it. But some servers forget the blank line, so whoever can tell a whole event from half of one
        may take it.

        Raises:
            SseTooLarge: as `next_event`.
        """
        line = bytes(self._partial)
        self._partial.clear()
        return (self._take_line(line) if line else None) or self._dispatch()

    def _is_one_event(self, chunk: bytes) -> bool:
        """Say whether that is one line of data and its blank line, within the bounds."""
        return (
            chunk.startswith(_DATA)
            and chunk.find(b"\n") == len(chunk) - 2
            and chunk.endswith(b"\n")
            and b"\r" not in chunk
            and len(chunk) <= self._max_short_bytes
            and self._stream_bytes <= self._max_stream_bytes
        )

    def _take_line(self, line: bytes) -> SseEvent | None:
        if len(line) > self._max_line_bytes:
            raise SseTooLarge(f"a line has more than {self._max_line_bytes} bytes")
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(BOM)
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")  # a comment has no name
        value = value.removeprefix(b" ")
        if name == b"error":  # no field of the rules: so llama.cpp's server told of errors until 2025
            name, self._name = b"data", b"error"
        if name == b"data":
            self._event_bytes += len(value) + 1
            if self._event_bytes > self._max_event_bytes:
                raise SseTooLarge(f"an event has more than {self._max_event_bytes} bytes")
            self._data.append(value)
        elif name == b"event":
            self._name = value
        return None  # id and retry are for who connects again, which we never do

    def _dispatch(self) -> SseEvent | None:
        event = SseEvent(b"\n".join(self._data), self._name) if self._data else None
        self._data, self._event_bytes, self._name = [], 0, b""
        return event
