"""The ways to a service: the socket of a running sidecar, its TCP port, or this process itself."""

import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio

from sidecar.client.direct import open_here
from sidecar.client.wire import NotRunning, SidecarGone
from sidecar.secret import InvalidSecret, Secret
from sidecar.session import ByteStream
from sidecar.settings import Settings, TcpAddress
from sidecar.transports.places import socket_paths
from sidecar.transports.streams import SocketStream
from sidecar.transports.token import open_token_file, take_token

CONNECT_SECONDS = 2.0
# A full queue of connections is an answer, too: SPEC.md, 8.1.
_BUSY_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One way to a service. `open()` gives a connection and closes it; it raises SidecarGone where there is none."""

    name: str
    """For people: a path, an address, or nothing for this process."""
    open: Callable[[], AbstractAsyncContextManager[ByteStream]]
    token: Secret | None = None


def direct_door(settings: Settings) -> Door:
    """Return the way to a service in this process."""
    return Door(name="", open=partial(open_here, settings))


def find_doors(settings: Settings) -> Iterator[Door]:
    """Give the ways to a running sidecar, the best first; whether one runs is not asked."""
    for path in socket_paths(settings.socket, runtime_dir=settings.runtime_dir):
        yield socket_door(path)
    if settings.tcp is not None and settings.tcp.port:
        token = read_token(settings) if settings.tcp_auth else None
        if token is not None or not settings.tcp_auth:
            yield tcp_door(settings.tcp, token)


def socket_door(path: Path) -> Door:
    return Door(name=str(path), open=partial(_open, socket.AF_UNIX, os.fspath(path)))


def tcp_door(address: TcpAddress, token: Secret | None) -> Door:
    host, port = address
    is_v6 = ":" in host
    return Door(
        name=f"{f'[{host}]' if is_v6 else host}:{port}",
        open=partial(_open, socket.AF_INET6 if is_v6 else socket.AF_INET, (host, port)),
        token=token,
    )


def token_paths(settings: Settings) -> list[Path]:
    """Return where the token may be: the file that is set, else beside the socket."""
    if settings.token_file is not None:
        return [settings.token_file]
    wanted = None if settings.socket == "off" else settings.socket
    return [path.with_name("token") for path in socket_paths(wanted, runtime_dir=settings.runtime_dir)]


def read_token(settings: Settings) -> Secret | None:
    """Return the token for TCP, or None where it is not there or not for us."""
    if settings.token is not None:
        return settings.token
    for path in token_paths(settings):
        with suppress(OSError, InvalidSecret), open_token_file(path) as file:
            return take_token(file)
    return None


@asynccontextmanager
async def _open(family: socket.AddressFamily, address: str | tuple[str, int]) -> AsyncIterator[ByteStream]:
    sock = socket.socket(family, socket.SOCK_STREAM)
    stream = SocketStream(sock)
    try:
        with anyio.fail_after(CONNECT_SECONDS):
            await _connect(sock, address)
    except (TimeoutError, OSError) as exc:
        stream.close()
        raise _explain(exc) from exc
    try:
        yield stream
    finally:
        stream.close()


async def _connect(sock: socket.socket, address: str | tuple[str, int]) -> None:
    while True:
        try:
            sock.connect(address)
            return
        except BlockingIOError:
            if sock.family == socket.AF_UNIX:
                await anyio.sleep(_BUSY_PAUSE_SECONDS)
            else:
                await anyio.wait_writable(sock)


def _explain(exc: OSError) -> SidecarGone:
    if isinstance(exc, FileNotFoundError | ConnectionRefusedError):
        return NotRunning("No sidecar listens there.")
    if isinstance(exc, TimeoutError):
        return SidecarGone(f"The sidecar took no connection for {CONNECT_SECONDS:g} s.")
    return SidecarGone(f"{exc.strerror or exc}.")
