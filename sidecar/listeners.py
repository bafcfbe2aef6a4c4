"""The sockets that `serve` listens on, as the settings want them, with who may use them."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sidecar.secret import Secret
from sidecar.settings import Settings
from sidecar.transports import tcp
from sidecar.transports.credentials import Admission
from sidecar.transports.failures import ListenFailed
from sidecar.transports.places import WEB_SOCKET_MODE, check_directory, default_socket_path, web_socket_path
from sidecar.transports.token import load_token
from sidecar.transports.unix import SocketFile, UnixListener

_WEB_SOCKET = "SIDECAR_WEB_SOCKET"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """What is listened on; None: not on that."""

    unix: UnixListener | None
    admission: Admission
    web: UnixListener | None
    """For the web server: takes tickets, and nothing else."""
    web_admission: Admission
    tcp: socket.socket | None
    token: Secret | None
    """What TCP asks for; None: nothing."""
    token_file: Path | None
    """Where the token is to be read, where it was not given."""


@contextmanager
def open_listeners(settings: Settings) -> Iterator[Listeners]:
    """Listen, and stop to on leaving.

    Raises:
        ListenFailed, TokenError: something stands in the way.
    """
    gid = settings.socket_gid
    with ExitStack() as stack:
        unix = None
        path = settings.socket
        if path is None:
            path = default_socket_path(runtime_dir=settings.runtime_dir, gid=gid)
        if path != "off":
            path = path.absolute()  # it is printed, to be pasted somewhere else
            check_directory(path)
            unix = stack.enter_context(UnixListener(SocketFile(path=path, mode=settings.socket_mode, gid=gid)))
        web_gid = gid if settings.web_socket_gid is None else settings.web_socket_gid
        web = _open_web(settings, path, web_gid, stack)
        listener, token, token_file = None, None, None
        if settings.tcp is not None:
            listener = stack.enter_context(tcp.listen(settings.tcp.host, settings.tcp.port))
            if settings.tcp_auth:
                token_file = settings.token_file or _beside(path, settings, gid)
                token = load_token(settings.token, token_file, gid=gid)
        yield Listeners(
            unix=unix,
            admission=Admission(uids=settings.allowed_uids, gid=os.getegid() if gid is None else gid),
            web=web,
            web_admission=Admission(
                uids=None, gid=os.getegid() if web_gid is None else web_gid, settings=f"{_WEB_SOCKET}_GROUP"
            ),
            tcp=listener,
            token=token,
            token_file=token_file if settings.token is None else None,
        )


def _open_web(settings: Settings, socket_path: Path | str, gid: int | None, stack: ExitStack) -> UnixListener | None:
    path = web_socket_path(settings.web_socket, socket_path)
    if path is None:
        return None
    if path == socket_path:  # whoever could reach the one would reach the other
        raise ListenFailed(f"SIDECAR_SOCKET and {_WEB_SOCKET} must be different: {path}")
    check_directory(path, _WEB_SOCKET)
    return stack.enter_context(UnixListener(SocketFile(path=path, mode=WEB_SOCKET_MODE, gid=gid, setting=_WEB_SOCKET)))


def _beside(socket_path: Path | str, settings: Settings, gid: int | None) -> Path:
    if isinstance(socket_path, Path):
        return socket_path.with_name("token")
    return default_socket_path(runtime_dir=settings.runtime_dir, gid=gid).with_name("token")
