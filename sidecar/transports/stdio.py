"""stdin and stdout as one connection, for a parent that started us: pipes, sockets, terminals, files."""

import contextlib
import fcntl
import os
import select
import stat

import anyio
import anyio.lowlevel
import anyio.to_thread

from sidecar.session import PeerGone
from sidecar.transports.streams import RECEIVE_BYTES

# POSIX: so many bytes go into a pipe that polls writable without blocking. The descriptor is not made non-blocking: it
# may be the same open file as our parent's.
_SEND_BYTES = select.PIPE_BUF


class Stdio:
    """The descriptors that were stdin and stdout, which nothing else in the process can reach any more."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._can_wait_to_read = _can_wait(read_fd)
        self._can_wait_to_write = _can_wait(write_fd)

    async def receive(self) -> bytes:
        try:
            if not self._can_wait_to_read:
                return await anyio.to_thread.run_sync(os.read, self._read_fd, RECEIVE_BYTES)
            await anyio.wait_readable(self._read_fd)
            return os.read(self._read_fd, RECEIVE_BYTES)
        except (OSError, ValueError, anyio.ClosedResourceError) as exc:
            raise PeerGone from exc

    def send_now(self, chunk: bytes | memoryview) -> int:
        if not self._can_wait_to_write:
            return 0
        poll = select.poll()
        poll.register(self._write_fd, select.POLLOUT)
        sent = 0
        try:
            while sent < len(chunk) and poll.poll(0):
                sent += os.write(self._write_fd, chunk[sent : sent + _SEND_BYTES])
        except OSError as exc:
            raise PeerGone from exc
        return sent

    async def send_some(self, chunk: bytes | memoryview) -> int:
        try:
            if not self._can_wait_to_write:
                return await anyio.to_thread.run_sync(os.write, self._write_fd, chunk)
            while not (sent := self.send_now(chunk)):
                await anyio.wait_writable(self._write_fd)
        except (OSError, ValueError, anyio.ClosedResourceError) as exc:
            raise PeerGone from exc
        return sent

    def is_gone(self) -> bool:
        poll = select.poll()
        poll.register(self._write_fd, 0)  # POLLERR: nobody can read the pipe any more
        return bool(poll.poll(0))

    def close_sending(self) -> None:
        """Nothing to do: the parent sees the end when we end."""

    def close(self) -> None:
        for fd in (self._read_fd, self._write_fd):
            with contextlib.suppress(OSError, ValueError):
                if _can_wait(fd):
                    anyio.notify_closing(fd)
                os.close(fd)


def _can_wait(fd: int) -> bool:
    """Whether the kernel tells when `fd` is ready; epoll takes no regular files, and no /dev/null."""
    with contextlib.suppress(OSError):
        mode = os.fstat(fd).st_mode
        return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(fd)
    return False


def claim() -> Stdio:
    """Take stdin and stdout for the wire. To be called first, while this is the only thread and no file is open.

    Afterwards what prints to stdout prints to stderr, what reads stdin reads nothing, and no other inherited descriptor
    is open: PHP's proc_open hands its listening socket on, too.
    """
    _close_inherited()
    read_fd, write_fd = _move_up(0), _move_up(1)
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return Stdio(read_fd, write_fd)


def _close_inherited() -> None:
    # Not closerange: where it has to try each number, a container's limit of a billion takes minutes.
    for fd in [int(name) for name in os.listdir("/proc/self/fd")]:
        if fd > 2:
            with contextlib.suppress(OSError):
                os.close(fd)


def _move_up(fd: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
