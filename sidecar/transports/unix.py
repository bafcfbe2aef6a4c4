"""The Unix socket: one instance at a time, never another's file, the right mode from the first moment."""

import contextlib
import errno
import fcntl
import os
import socket
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct

from sidecar.transports.accepting import BACKLOG
from sidecar.transports.failures import AnotherInstance, ListenFailed, NotPermitted

# sockaddr_un.sun_path has 108 bytes, the last one zero.
_MAX_PATH_BYTES = 107
_NEW = ".new"
_LOCK = ".lock"


class SocketFile(Struct, frozen=True, kw_only=True):
    """Where the socket is to be, and for whom."""

    path: Path
    mode: int
    gid: int | None = None
    """The group that it is given; None leaves the process' own."""
    setting: str = "SIDECAR_SOCKET"
    """What says where it is; `_GROUP` behind it, what says whose."""


class UnixListener:
    """The listening socket at a path, and the lock that says whose path it is. A context manager."""

    def __init__(self, file: SocketFile) -> None:
        """Lock the path, replace a stale socket there, and listen.

        Raises:
            ListenFailed: a live instance, a foreign file, a missing right, a path that is too long.
        """
        self.path = file.path
        _check_length(file.path)
        try:
            self._lock = _lock(file)
            try:
                _check_free(file.path, file.setting)
                self.socket = _listen(file)
            except BaseException:
                os.close(self._lock)
                raise
        except OSError as exc:
            raise _explain(exc, file) from exc
        self._inode = os.stat(file.path).st_ino

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            if os.lstat(self.path).st_ino == self._inode:
                self.path.unlink()
        self.socket.close()
        os.close(self._lock)


def _check_length(path: Path) -> None:
    limit = _MAX_PATH_BYTES - len(_NEW)
    size = len(os.fsencode(path))
    if size > limit:
        raise ListenFailed(f"The socket's path has {size} bytes, but at most {limit} are possible: {path}")


def _lock(file: SocketFile) -> int:
    """Lock the file beside the socket for as long as the descriptor is open. It stays: to remove it would be a race."""
    lock_path = file.path.with_name(file.path.name + _LOCK)
    try:
        fd = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except PermissionError as exc:
        if not lock_path.exists():
            raise
        raise NotPermitted(f"{lock_path} belongs to another user, who started a sidecar here once: remove it.") from exc
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(fd, 32).strip()
        os.close(fd)
        who = f"Another sidecar (process {int(owner)})" if owner.isdigit() else "Another sidecar"
        raise AnotherInstance(f"{who} serves {file.path}. For a second one, set {file.setting} too.") from None
    os.ftruncate(fd, 0)
    os.write(fd, f"{os.getpid()}\n".encode())
    return fd


def _check_free(path: Path, setting: str) -> None:
    """Make sure that what stands at `path`, if anything, is a socket of ours that nobody listens on."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise AnotherInstance(f"{path} is no socket and was left alone. Move it away, or set {setting}.")
    if found.st_uid not in (os.geteuid(), 0):
        raise AnotherInstance(f"{path} belongs to another user (uid {found.st_uid}); it was left alone.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a full backlog is an answer, too
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            return
        except OSError as exc:
            if exc.errno != errno.EAGAIN:
                raise
    raise AnotherInstance(f"Another program listens on {path}; it was left alone.")


def _listen(file: SocketFile) -> socket.socket:
    """Bind under a second name and rename: who finds the path finds a socket that listens and has its final mode."""
    new = file.path.with_name(file.path.name + _NEW)
    _check_free(new, file.setting)
    new.unlink(missing_ok=True)  # left by a start that was killed
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(listener.fileno(), file.mode)  # before bind: after it, this has no effect any more
        umask = os.umask(0)
        try:
            listener.bind(os.fspath(new))
        finally:
            os.umask(umask)
        if file.gid is not None:
            _give_to_group(new, file.gid, file.setting)
        listener.listen(BACKLOG)
        listener.setblocking(False)
        new.rename(file.path)
    except BaseException:
        listener.close()
        with contextlib.suppress(OSError):
            new.unlink()
        raise
    return listener


def _give_to_group(path: Path, gid: int, setting: str) -> None:
    try:
        os.chown(path, -1, gid, follow_symlinks=False)
    except OSError as exc:
        reason = f"The socket cannot be given to group {gid} ({setting}_GROUP): {exc.strerror}."
        raise NotPermitted(reason) from exc


def _explain(exc: OSError, file: SocketFile) -> ListenFailed:
    reason = f"The socket {file.path} cannot be made: {exc.strerror}."
    if exc.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return NotPermitted(f"{reason} Set {file.setting} to a path of yours.")
    return ListenFailed(reason)
