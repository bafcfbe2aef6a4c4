"""Where the lines of the log go: stderr, or a file that may be rotated, deleted or on a full disk meanwhile."""

import os
import select
from contextlib import suppress
from pathlib import Path

_STDERR = 2
# O_APPEND: after copytruncate the next line stands at the start and not behind a hole. O_NONBLOCK: a pipe in the place
# of the file must not hold the start.
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MODE = 0o640


class Output:
    """An open log. Only one thread may use it; `write` waits as long as the other side does."""

    def __init__(self, path: Path | None) -> None:
        """Open the file at `path`, or stderr.

        Raises:
            OSError: the file cannot be opened.
        """
        self._path = path
        self._descriptor = os.open(path, _FLAGS, _MODE) if path else _STDERR
        self._is_torn = False

    def write(self, line: bytes) -> None:
        """Write `line`, which ends in a line feed.

        Raises:
            OSError: it could not be written, or only the beginning of it; the next line begins a line all the same.
        """
        if self._path:
            self._follow(self._path)
        rest = memoryview(b"\n" + line if self._is_torn else line)
        while rest:
            written = self._write_some(rest)
            self._is_torn = written < len(rest)
            rest = rest[written:]

    def close(self) -> None:
        if self._path:
            os.close(self._descriptor)

    def _write_some(self, rest: memoryview) -> int:
        while True:
            try:
                return os.write(self._descriptor, rest)
            except BlockingIOError:  # another process made it so for all who share it
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll()

    def _follow(self, path: Path) -> None:
        """Open the file anew when another one, or none, stands at its path: that is how logrotate works."""
        ours = os.fstat(self._descriptor)
        with suppress(OSError):
            if os.path.samestat(ours, os.lstat(path)):
                return
        try:
            fresh = os.open(path, _FLAGS, _MODE)
        except OSError:
            if ours.st_nlink == 0:
                raise  # what is written to a deleted file is lost
            return
        old, self._descriptor = self._descriptor, fresh
        self._is_torn = False
        os.close(old)
