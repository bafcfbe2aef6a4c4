"""A parent that holds the sockets, as systemd does, and hands them to each `serve` that it starts."""

import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.e2e.program import Program

# LISTEN_PID is the child's own number, which only it knows; what is handed over begins at 3.
_BECOME = (
    "import fcntl, os, sys\n"
    "names, *fds = sys.argv[1].split(',')\n"
    "high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in fds]\n"
    "[os.dup2(fd, 3 + place) for place, fd in enumerate(high)]\n"
    "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=names)\n"
    "os.execv(sys.argv[2], sys.argv[2:])\n"
)


class Parent:
    """Holds listening sockets by their names, a context manager that closes them."""

    def __init__(self, folder: Path, *, mode: int = 0o660) -> None:
        self.folder = folder
        self.sockets: dict[str, socket.socket] = {}
        for name in ("sidecar", "web"):
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(folder / f"{name}.sock"))
            (folder / f"{name}.sock").chmod(mode)
            listener.listen(4096)
            self.sockets[name] = listener
        self.sockets["tcp"] = socket.create_server(("127.0.0.1", 0), backlog=4096)

    @property
    def tcp_port(self) -> int:
        port: int = self.sockets["tcp"].getsockname()[1]
        return port

    def start(self, command: Sequence[str], *, env: dict[str, str], names: Mapping[str, str] | None = None) -> Program:
        """Start a program with the sockets; `names` says, for those that it gets, what they are called."""
        names = {name: name for name in self.sockets} if names is None else names
        fds = [self.sockets[name].fileno() for name in names]
        handed = ",".join([":".join(names.values()), *map(str, fds)])
        return Program([sys.executable, "-c", _BECOME, handed, *command], cwd=self.folder, env=env, pass_fds=fds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for listener in self.sockets.values():
            listener.close()
