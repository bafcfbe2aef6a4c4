"""How far an answer is, on one line of the terminal that is written again and again, and is gone before the answer."""

import contextlib
import os

from sidecar.cli.output import harmless

_LONGEST = 70
_CLEAR_LINE = "\r\x1b[K"


class ProgressLine:
    """The line; nothing is shown where stderr is no terminal."""

    def __init__(self) -> None:
        self._is_shown = False

    def show(self, stage: str, done: int, total: int) -> None:
        """Say that `done` of `total` steps of what `stage` says are behind."""
        if os.isatty(2):
            words = " ".join(harmless(stage).split())[:_LONGEST]
            self._write(f"{_CLEAR_LINE}{words}: {done} of {total}")
            self._is_shown = True

    def clear(self) -> None:
        """Take the line away, if it is there."""
        if self._is_shown:
            self._write(_CLEAR_LINE)
            self._is_shown = False

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            os.write(2, text.encode(errors="replace"))
