"""The sidecar's log in a container, where no logrotate runs. The sidecar writes it; here it is made and rotated."""

import errno
import os
import stat
from pathlib import Path

_MAX_BYTES = 10 * 1024 * 1024
_KEPT = 5
_MODE = 0o640
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class LogFile:
    """The file at `path`, and those before it: `.1` is the youngest."""

    def __init__(self, path: Path, *, max_bytes: int = _MAX_BYTES) -> None:
        self.path = path
        self._max_bytes = max_bytes

    def open(self, uid: int) -> int:
        """Return a descriptor to append with; the file belongs to the user who is to write it.

        Raises:
            OSError: it cannot be opened.
        """
        log = os.open(self.path, _FLAGS, _MODE)
        found = os.fstat(log)
        if found.st_uid != uid:
            if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:  # it may be anybody's
                os.close(log)
                raise PermissionError(errno.EPERM, "not a plain file of one name", str(self.path))
            os.fchown(log, uid, -1)
        return log

    def rotate(self, uid: int) -> None:
        """Begin a new file where this one has grown too long; the sidecar finds it by itself, and no line is lost.

        Raises:
            OSError: that cannot be done.
        """
        try:
            if self.path.stat().st_size <= self._max_bytes:
                return
        except FileNotFoundError:  # somebody has deleted it, and the sidecar may make none there
            os.close(self.open(uid))
            return
        for number in range(_KEPT - 1, 0, -1):
            if self._old(number).exists():
                self._old(number).rename(self._old(number + 1))
        self.path.rename(self._old(1))
        os.close(self.open(uid))

    def _old(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
