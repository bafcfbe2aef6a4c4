"""Sockets that a parent listens on and hands over, as systemd does (sd_listen_fds(3)): they outlive each of our starts.

Who connects while no process runs waits in the parent's socket for the next one. So nothing here binds or unlinks.
"""

import ipaddress
import os
import socket
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct

from sidecar.transports.failures import ListenFailed
from sidecar.transports.places import SOCKET_NAME, WEB_SOCKET_NAME
from sidecar.transports.tcp import bound_send_buffer

_FIRST_FD = 3
SIDECAR, WEB, TCP = "sidecar", "web", "tcp"
_NAMES = (SIDECAR, WEB, TCP)
_HOW = "name it sidecar, web or tcp (FileDescriptorName=)"


class InheritedUnix(Struct, frozen=True, kw_only=True):
    """A listening Unix socket of the parent, and where it is."""

    path: Path
    socket: socket.socket
    mode: int
    gid: int


class Inherited(Struct, frozen=True, kw_only=True):
    """What was handed over; None: not that."""

    unix: InheritedUnix | None = None
    web: InheritedUnix | None = None
    tcp: socket.socket | None = None

    @property
    def names(self) -> list[str]:
        """Return what was handed over, by the names that LISTEN_FDNAMES has for it."""
        handed = zip(_NAMES, (self.unix, self.web, self.tcp), strict=True)
        return [name for name, given in handed if given is not None]


@contextmanager
def take_inherited(
    environ: MutableMapping[str, str], *, unix: Path | None = None, web: Path | None = None
) -> Iterator[Inherited]:
    """Take the sockets that the variables LISTEN_* announce, if they are for this process, and close them at the end.

    The variables are taken away: they are for nobody else. `unix` and `web` are where the settings want sockets.

    Raises:
        ListenFailed: one of them is not what it must be.
    """
    pid, count, names = (environ.pop(f"LISTEN_{name}", "") for name in ("PID", "FDS", "FDNAMES"))
    paths = {unix: SIDECAR, web: WEB}
    with ExitStack() as stack:
        if pid != str(os.getpid()) or not count:
            yield Inherited()
            return
        if not count.isdecimal():
            raise ListenFailed("LISTEN_FDS must be the number of sockets that are handed over.")
        found: dict[str, socket.socket] = {}
        labels = names.split(":")
        for place in range(int(count)):
            fd = _FIRST_FD + place
            given = stack.enter_context(_adopt(fd))
            name = _name(given, labels[place] if place < len(labels) else "", paths)
            if name in found:
                raise ListenFailed(f"Two inherited sockets are `{name}`, the second is descriptor {fd}: {_HOW}.")
            found[name] = given
        yield Inherited(unix=_unix(SIDECAR, found), web=_unix(WEB, found), tcp=_tcp(found))


def _adopt(fd: int) -> socket.socket:
    try:
        os.set_inheritable(fd, False)
        given = socket.socket(fileno=fd)
    except OSError as exc:
        raise ListenFailed(f"Descriptor {fd} was announced by LISTEN_FDS and is no socket: {exc.strerror}.") from exc
    try:
        if given.family not in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6):
            raise ListenFailed(f"The inherited socket {fd} is neither a Unix socket nor TCP.")
        is_listening = given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        if given.type != socket.SOCK_STREAM or not is_listening:
            raise ListenFailed(f"The inherited socket {fd} does not listen for streams: ListenStream=, Accept=no.")
        given.setblocking(False)
    except BaseException:
        given.close()
        raise
    return given


def _name(given: socket.socket, label: str, paths: Mapping[Path | None, str]) -> str:
    """Return which socket it is: by its label or, without one of ours, by its kind and place.

    Where a place tells nothing, none is guessed: the main socket in the hands of a web server would be open to all.
    """
    is_unix = given.family == socket.AF_UNIX
    if label in _NAMES:
        if is_unix == (label == TCP):
            kind = "a Unix socket" if is_unix else "TCP"
            raise ListenFailed(f"The inherited socket `{label}` is {kind}: {_HOW}.")
        return label
    if not is_unix:
        return TCP
    path = Path(os.fsdecode(given.getsockname()))
    name = paths.get(path) or {SOCKET_NAME: SIDECAR, WEB_SOCKET_NAME: WEB}.get(path.name)
    if name is None:
        raise ListenFailed(f"Whether the inherited socket {path} is for PHP or for a web server is not clear: {_HOW}.")
    return name


def _unix(name: str, found: dict[str, socket.socket]) -> InheritedUnix | None:
    if (given := found.get(name)) is None:
        return None
    address = os.fsdecode(given.getsockname())
    if not address.startswith("/"):
        raise ListenFailed(f"The inherited socket `{name}` has no absolute path: it has no mode that could guard it.")
    path = Path(address)
    try:
        status = path.stat()
    except OSError as exc:
        raise ListenFailed(
            f"The inherited socket {path}: {exc.strerror}. Nobody can reach it: restart its unit."
        ) from exc
    return InheritedUnix(path=path, socket=given, mode=status.st_mode & 0o777, gid=status.st_gid)


def _tcp(found: dict[str, socket.socket]) -> socket.socket | None:
    if (given := found.get(TCP)) is None:
        return None
    host, port, *_ = given.getsockname()
    if not ipaddress.ip_address(host).is_loopback:
        raise ListenFailed(f"The inherited TCP socket is {host}:{port}: only loopback, as 127.0.0.1, is served.")
    bound_send_buffer(given)
    return given
