"""Bytes to payloads and back, without I/O: frames for programs, lines for people. SPEC.md, section 2.

Both decoders work alike: `feed` what arrived, then take payloads until `next_payload` gives None.
"""

from protocol.errors import BadFrame, PayloadTooLarge

# Below 2**24, so that the first byte of every frame is zero and nothing else can be taken for a frame.
MAX_PAYLOAD_BYTES = 8 * 1024 * 1024

_HEADER_BYTES = 4
_WHITE_SPACE = b" \t\r\n"


def encode_frame(payload: bytes) -> bytes:
    """Return `payload` behind its length in four bytes, big-endian."""
    return len(payload).to_bytes(_HEADER_BYTES, "big") + payload


def encode_line(payload: bytes) -> bytes:
    """Return `payload`, which must not hold a line feed (JSON never does), with a line feed behind it."""
    return payload + b"\n"


class FrameDecoder:
    """Takes payloads out of a stream of frames."""

    def __init__(self, max_payload_bytes: int = MAX_PAYLOAD_BYTES) -> None:
        self._max_payload_bytes = max_payload_bytes
        self._buffer = bytearray()

    @property
    def buffered_bytes(self) -> int:
        """How many bytes wait for the rest of their frame, or to be taken."""
        return len(self._buffer)

    def feed(self, chunk: bytes) -> None:
        self._buffer += chunk

    def end(self) -> None:
        """Say that no byte will follow. An unfinished frame stays unfinished."""

    def next_payload(self) -> bytes | None:
        """Return the next payload, or None when more bytes are needed.

        Raises:
            BadFrame: the first byte is not zero, or the length is zero.
            PayloadTooLarge: the header announces more than the limit; nothing of it was waited for.
        """
        buffer = self._buffer
        if not buffer:
            return None
        if buffer[0]:
            raise BadFrame("The first byte of a frame is zero; this one is not.")
        if len(buffer) < _HEADER_BYTES:
            return None
        length = int.from_bytes(buffer[:_HEADER_BYTES], "big")
        if length == 0:
            raise BadFrame("A frame holds at least one byte; this one announces none.")
        if length > self._max_payload_bytes:
            raise PayloadTooLarge(
                f"A payload has at most {self._max_payload_bytes} bytes; this one announces {length}."
            )
        end = _HEADER_BYTES + length
        if len(buffer) < end:
            return None
        payload = bytes(memoryview(buffer)[_HEADER_BYTES:end])
        del buffer[:end]
        return payload


class LineDecoder:
    """Takes payloads out of a stream of lines; blank lines are skipped, white space around a payload is dropped."""

    def __init__(self, max_payload_bytes: int = MAX_PAYLOAD_BYTES) -> None:
        self._max_payload_bytes = max_payload_bytes
        self._buffer = bytearray()
        self._searched = 0  # so far no line feed: a long line must not be searched again with each chunk
        self._ended = False

    @property
    def buffered_bytes(self) -> int:
        """How many bytes wait for the rest of their line, or to be taken."""
        return len(self._buffer)

    def feed(self, chunk: bytes) -> None:
        self._buffer += chunk

    def end(self) -> None:
        """Say that no byte will follow: what stands behind the last line feed becomes the last line."""
        self._ended = True

    def next_payload(self) -> bytes | None:
        """Return the next line that is not blank, or None when more bytes are needed.

        Raises:
            PayloadTooLarge: a line, finished or not, has more bytes than the limit.
        """
        while self._buffer:
            end = self._buffer.find(b"\n", self._searched)
            if end < 0:
                self._searched = len(self._buffer)
                if not self._ended and self._searched <= self._max_payload_bytes:
                    return None
                end = self._searched
            if end > self._max_payload_bytes:
                raise PayloadTooLarge(f"A line has at most {self._max_payload_bytes} bytes; this one has more.")
            line = bytes(memoryview(self._buffer)[:end]).strip(_WHITE_SPACE)
            del self._buffer[: end + 1]
            self._searched = 0
            if line:
                return line
        return None
