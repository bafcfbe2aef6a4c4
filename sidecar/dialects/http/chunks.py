"""Chunks to a body, strictly, and at less cost than h11, which takes extensions and more. Pure."""

import re

from protocol.errors import Code
from sidecar.dialects.http.refused import Refused

_SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x1f\x7f]*")

_MAX_SIZE_LINE_BYTES = 10
_MAX_TRAILER_BYTES = 8 * 1024

# A million chunks of some bytes cost more than they carry, and others wait meanwhile.
_FREE_CHUNKS = 1000
_BYTES_A_CHUNK = 256


class ChunkDecoder:
    """Takes the chunks of one body apart as they come."""

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self.wire_bytes = 0
        """So many were taken out of buffers, framing included."""
        self._body_bytes = 0
        self._chunk_count = 0
        self._left = 0
        """Bytes that are still to come of the present chunk and of the line end behind it."""
        self._trailer_bytes: int | None = None
        """So many bytes of trailers have come; None before them."""
        self.is_whole = False

    def take(self, buffer: bytearray) -> bytes:
        """Take out of `buffer` what belongs to the chunks, and return what they carry.

        Raises:
            Refused: the framing is not as it must be, or the body is too large.
        """
        at, body = 0, bytearray()
        while not self.is_whole:
            step = self._data(buffer, at, body) if self._left else self._line(buffer, at)
            if not step:
                break
            at += step
        del buffer[:at]
        self.wire_bytes += at
        return bytes(body)

    def _data(self, buffer: bytearray, at: int, body: bytearray) -> int:
        """Put bytes of a chunk to the body, or step over the line end behind it."""
        data = min(self._left - 2, len(buffer) - at)
        if data > 0:
            body += buffer[at : at + data]
            self._left -= data
            return data
        end = bytes(buffer[at : at + self._left])
        if not b"\r\n"[2 - self._left :].startswith(end):
            raise Refused("Behind a chunk stands CR LF.")
        self._left -= len(end)
        return len(end)

    def _line(self, buffer: bytearray, at: int) -> int:
        """Step over a chunk's size, a trailer, or the empty line at the end."""
        end = buffer.find(b"\n", at)
        line = bytes(buffer[at : end + 1 if end >= 0 else len(buffer)])
        is_trailer = self._trailer_bytes is not None
        if len(line) > (_MAX_TRAILER_BYTES if is_trailer else _MAX_SIZE_LINE_BYTES) or b"\r" in line[:-2]:
            raise Refused("A chunk's size, or a trailer, is none.")
        if end < 0:
            return 0
        if not line.endswith(b"\r\n"):
            raise Refused("A line among chunks ends with CR LF; this one has LF only.")
        if self._trailer_bytes is None:
            self._begin_chunk(line[:-2])
        elif line == b"\r\n":
            self.is_whole = True
        else:
            self._trailer_bytes += len(line)
            if not _TRAILER.fullmatch(line[:-2]) or self._trailer_bytes > _MAX_TRAILER_BYTES:
                raise Refused("A trailer is no field `name: value`, or there are too many.")
        return len(line)

    def _begin_chunk(self, size: bytes) -> None:
        if not _SIZE.fullmatch(size):
            raise Refused("A chunk's size is hexadecimal digits and nothing else.")
        length = int(size, 16)
        self._body_bytes += length
        if self._body_bytes > self._max_body_bytes:
            raise too_large(self._max_body_bytes)
        self._chunk_count += 1
        if self._chunk_count > _FREE_CHUNKS + self._body_bytes // _BYTES_A_CHUNK:
            raise Refused("So many chunks, as small as these, are not taken.", code=Code.TOO_LARGE)
        if length:
            self._left = length + 2
        else:
            self._trailer_bytes = 0


def too_large(max_body_bytes: int) -> Refused:
    """Return the refusal of a body that is larger."""
    return Refused(f"The body of a request has at most {max_body_bytes} bytes.", code=Code.TOO_LARGE)
