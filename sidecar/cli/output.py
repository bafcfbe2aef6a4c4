"""The answer on its way to stdout: what could steer a terminal is taken out, and a reader who leaves is noticed."""

import re
import sys

from sidecar.session import PeerGone
from sidecar.transports.stdio import Stdio

# All of C0 but tab and line feed, DEL, C1, and what shows a text in another order than it has. A model can be talked
# into writing any of them; no answer needs one.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """Return `text` without control characters."""
    return _UNSAFE.sub("", text)


class OutputFailed(Exception):
    """Nothing more can be written; `reason` is the system's, None where the reader has just left."""

    def __init__(self, reason: str | None) -> None:
        super().__init__(reason)
        self.reason = reason


class Output:
    """stdout. Written to without a buffer: a token is seen when it comes."""

    def __init__(self) -> None:
        self._stream = Stdio(1, 1)
        self._encoding = sys.stdout.encoding if sys.stdout else "utf-8"
        self._at_line_start = True

    async def write(self, text: str) -> None:
        """Write `text` without what is harmful in it.

        Raises:
            OutputFailed: it could not be written.
        """
        text = harmless(text)
        if not text:
            return
        self._at_line_start = text.endswith("\n")
        rest = memoryview(text.encode(self._encoding, "replace"))
        try:
            while rest:
                rest = rest[await self._stream.send_some(rest) :]
        except PeerGone as exc:
            cause = exc.__cause__
            if isinstance(cause, OSError) and not isinstance(cause, BrokenPipeError):
                raise OutputFailed(cause.strerror) from exc
            raise OutputFailed(None) from exc

    async def end_line(self) -> None:
        """End the line that was begun, if one was. Raises OutputFailed."""
        if not self._at_line_start:
            await self.write("\n")


class Muted(Output):
    """Nothing: for an answer that is written when it is whole."""

    async def write(self, text: str) -> None:
        """Write nothing."""
