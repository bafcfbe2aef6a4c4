"""TCP on loopback: for what cannot reach the Unix socket. A token is asked for, since every local user can connect."""

import errno
import socket

from sidecar.transports.accepting import BACKLOG
from sidecar.transports.failures import AddressInUse, ListenFailed, NotPermitted

# Linux lets a loopback peer that does not read pile up 4 MB in the kernel; a reply belongs into its log instead.
_SEND_BUFFER_BYTES = 256 * 1024


def listen(host: str, port: int) -> socket.socket:
    """Return a listening, non-blocking socket on a loopback address; port 0 takes any free one.

    Raises:
        ListenFailed: the port is taken, not permitted, or the address does not exist here.
    """
    try:
        return _listen(host, port)
    except OSError as exc:
        raise _explain(exc, f"[{host}]:{port}" if ":" in host else f"{host}:{port}") from exc


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound_send_buffer(listener)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def bound_send_buffer(listener: socket.socket) -> None:
    """Bound what the kernel keeps for each connection that is accepted here."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)


def prepare(connection: socket.socket) -> str:
    """Set an accepted connection up and return its peer's address, for the log; `gone` where the peer has left.

    A token is sent when it is there, not when more have come.
    """
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        host, port, *_ = connection.getpeername()
    except OSError:
        return "gone"
    return f"{host}:{port}"


def hosts(connection: socket.socket) -> frozenset[str]:
    """Return what a client may call the address that it has connected to; nothing where it has left."""
    try:
        host, port, *_ = connection.getsockname()
    except OSError:
        return frozenset()
    names = {"localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host}
    # Port 80 is the one that clients leave out.
    return frozenset({f"{name}:{port}" for name in names} | (names if port == 80 else set()))


def _explain(exc: OSError, where: str) -> ListenFailed:
    if exc.errno == errno.EADDRINUSE:
        return AddressInUse(f"TCP {where} is in use by another program: choose another port in SIDECAR_TCP, or `off`.")
    if exc.errno in (errno.EACCES, errno.EPERM):
        return NotPermitted(f"TCP {where}: ports below 1024 need a privilege; choose a higher one in SIDECAR_TCP.")
    return ListenFailed(f"TCP {where} (SIDECAR_TCP): {exc.strerror}.")
