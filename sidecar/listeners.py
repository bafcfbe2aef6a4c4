"""The sockets that `serve` listens on, as the settings want them, with who may use them.

Each may come from the parent instead (transports/inherited.py). Then the parent has said where it is, and the settings
say as ever who may use it.
"""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct

from sidecar.secret import Secret
from sidecar.settings import Settings
from sidecar.transports import tcp
from sidecar.transports.credentials import Admission
from sidecar.transports.failures import ListenFailed
from sidecar.transports.inherited import Inherited, InheritedUnix, take_inherited
from sidecar.transports.places import WEB_SOCKET_MODE, check_directory, default_socket_path, web_socket_path
from sidecar.transports.token import load_token
from sidecar.transports.unix import SocketFile, UnixListener

logger = logging.getLogger(__name__)

_SOCKET = "SIDECAR_SOCKET"
_WEB_SOCKET = "SIDECAR_WEB_SOCKET"


class Listeners(Struct, frozen=True, kw_only=True):
    """What is listened on; None: not on that."""

    unix: UnixListener | InheritedUnix | None
    admission: Admission
    web: UnixListener | InheritedUnix | None
    """For the web server: takes tickets, and nothing else."""
    web_admission: Admission
    tcp: socket.socket | None
    token: Secret | None
    """What TCP asks for; None: nothing."""
    token_file: Path | None
    """Where the token is to be read, where it was not given."""
    inherited: Inherited
    """Those of them that the parent holds."""


@contextmanager
def open_listeners(settings: Settings) -> Iterator[Listeners]:
    """Listen, and stop to on leaving.

    Raises:
        ListenFailed, TokenError: something stands in the way.
    """
    with ExitStack() as stack:
        wanted = {"unix": settings.socket, "web": settings.web_socket}
        paths = {name: path.absolute() for name, path in wanted.items() if isinstance(path, Path)}
        inherited = stack.enter_context(take_inherited(os.environ, **paths))
        _check(inherited, settings)
        unix: UnixListener | InheritedUnix | None = inherited.unix
        web: UnixListener | InheritedUnix | None = inherited.web
        gid = settings.socket_gid
        if gid is None and inherited.unix is not None:
            gid = inherited.unix.gid
        path = settings.socket if unix is None else unix.path
        if path is None:
            path = default_socket_path(runtime_dir=settings.runtime_dir, gid=gid)
        if path != "off" and unix is None:
            path = path.absolute()  # it is printed, to be pasted somewhere else
            check_directory(path)
            unix = stack.enter_context(UnixListener(SocketFile(path=path, mode=settings.socket_mode, gid=gid)))
        web_gid = settings.web_socket_gid
        if web_gid is None:
            web_gid = gid if inherited.web is None else inherited.web.gid
        if web is None:
            web = _open_web(settings, path, web_gid, stack)
        listener, token, token_file = inherited.tcp, None, None
        if settings.tcp is not None:
            if listener is None:
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
            inherited=inherited,
        )


def _check(inherited: Inherited, settings: Settings) -> None:
    """Refuse an inherited socket that the settings do not want, and say where they differ from it."""
    _check_unix(inherited.unix, _SOCKET, settings.socket, settings.socket_mode, settings.socket_gid)
    _check_unix(inherited.web, _WEB_SOCKET, settings.web_socket, WEB_SOCKET_MODE, settings.web_socket_gid)
    if inherited.tcp is None:
        return
    if settings.tcp is None:
        raise ListenFailed("A TCP socket is inherited, and SIDECAR_TCP is off: correct one of them.")
    host, port, *_ = inherited.tcp.getsockname()
    if settings.tcp.port and (host, port) != settings.tcp:
        logger.warning("TCP is inherited, at %s port %d: SIDECAR_TCP names another address", host, port)


def _check_unix(
    given: InheritedUnix | None, setting: str, wanted: Path | str | None, mode: int, gid: int | None
) -> None:
    if given is None:
        return
    if wanted == "off":
        raise ListenFailed(f"The socket {given.path} is inherited, and {setting} is off: correct one of them.")
    if given.mode & ~mode:
        raise ListenFailed(
            f"The inherited socket {given.path} has mode {given.mode:04o}, which lets in more than {mode:04o}: see "
            "SocketMode= of its unit."
        )
    if isinstance(wanted, Path) and wanted.absolute() != given.path:
        logger.warning("the socket %s is inherited: %s names another path", given.path, setting)
    if gid not in (None, given.gid):
        logger.warning("the socket %s is inherited, its group is %d: %s_GROUP differs", given.path, given.gid, setting)


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
