"""Happy eyeballs (RFC 8305): a name's addresses are tried one after the other, without waiting for one that is dead."""

import socket
from collections.abc import Iterable
from itertools import chain, zip_longest

import anyio

from sidecar.http_pool.failures import Unreachable
from sidecar.http_pool.names import Address

# A peer that is gone without a word is noticed after a minute of silence, and one that takes nothing after 20 s.
_OPTIONS = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 20_000),
)

# The next address is tried after so long, or as soon as one has failed. RFC 8305, section 5.
_NEXT_SECONDS = 0.25


async def connect(addresses: Iterable[Address], port: int) -> socket.socket:
    """Return a connected socket to the first address that takes the connection.

    Raises:
        Unreachable: none did.
    """
    found: list[socket.socket] = []
    try:
        async with anyio.create_task_group() as tasks:

            async def attempt(address: Address, failed: anyio.Event) -> None:
                try:
                    found.append(await _connect(address, port))
                except OSError:
                    failed.set()
                else:
                    tasks.cancel_scope.cancel()

            for address in _in_turns(addresses):
                failed = anyio.Event()
                tasks.start_soon(attempt, address, failed)
                with anyio.move_on_after(_NEXT_SECONDS):
                    await failed.wait()
    except BaseException:
        _close(found)
        raise
    if not found:
        raise Unreachable("The provider could not be reached.")
    _close(found[1:])  # two at once
    return found[0]


async def _connect(address: Address, port: int) -> socket.socket:
    family, host = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        for option in _OPTIONS:
            sock.setsockopt(*option)
        try:
            sock.connect((host, port))
        except BlockingIOError:
            await anyio.wait_writable(sock)
            if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(code, "connect") from None
    except BaseException:
        sock.close()
        raise
    return sock


def _in_turns(addresses: Iterable[Address]) -> list[Address]:
    """Put the families in turns, beginning with the one that the system puts first."""
    families: dict[socket.AddressFamily, list[Address]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    turns = chain.from_iterable(zip_longest(*families.values()))
    return [address for address in turns if address is not None]


def _close(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        sock.close()
