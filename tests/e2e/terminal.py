"""A terminal in which a program runs: keys go in, and what it shows is read along. Every wait is bounded."""

import os
import select
import time
from collections.abc import Sequence
from typing import IO

from tests.e2e.program import PATIENCE_SECONDS

# The terminal on 0 becomes the controlling one, so that Ctrl-C in it is a SIGINT.
IN_ITS_OWN_SESSION = ("setsid", "--ctty")

CTRL_C = b"\x03"
CTRL_D = b"\x04"


def read_to_end(pipe: IO[bytes]) -> bytes:
    """Return all that comes until the other side closes."""
    content = b""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        ready, _, _ = select.select([pipe], [], [], max(deadline - time.monotonic(), 0))
        assert ready, content
        came = os.read(pipe.fileno(), 65536)
        if not came:
            print(content.decode(errors="replace"))  # where tests/canary.py looks through it
            return content
        content += came


def with_stderr(command: Sequence[str]) -> tuple[str, ...]:
    """Return the command with its stderr on the terminal, too."""
    return ("sh", "-c", 'exec "$@" 2>&1', "sh", *command)


class Terminal:
    """Both ends of a pseudo-terminal: `theirs` is for the program."""

    def __init__(self) -> None:
        self._ours, self.theirs = os.openpty()
        self._shown = b""
        self._read_bytes = 0

    @property
    def shown(self) -> str:
        """All that was shown so far."""
        return self._shown.decode(errors="replace")

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def type(self, line: str) -> None:
        self.press(line.encode() + b"\n")

    def wait_shown(self, text: str) -> str:
        """Wait until `text` is shown behind what an earlier wait has found, and return what stands before it."""
        wanted = text.encode()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (at := self._shown.find(wanted, self._read_bytes)) < 0:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._ours], [], [], max(left, 0))
            assert ready, f"{text!r} is not in {self._shown[self._read_bytes :]!r}"
            self._shown += os.read(self._ours, 65536)
        before = self._shown[self._read_bytes : at].decode(errors="replace")
        self._read_bytes = at + len(wanted)
        return before

    def close(self) -> None:
        os.close(self._ours)
        os.close(self.theirs)
