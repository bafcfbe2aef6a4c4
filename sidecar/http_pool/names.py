"""Looks names up, in threads of its own: one that hangs holds up neither the event loop nor the end of the process.

The pools of threads that event loops have are small, and are waited for at the end: one dead resolver would block all
other work, and the end by minutes.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import anyio
import anyio.lowlevel
from msgspec import Struct, field

from sidecar.errors import UpstreamDns
from sidecar.http_pool.failures import Unreachable

# The interface of the system does not tell how long a name's addresses hold.
FRESH_SECONDS = 30.0

# Where the resolver fails, addresses that were good are better than none.
STALE_SECONDS = 3600.0

FAILED_SECONDS = 1.0
"""For so long a name is not asked for again that was not found."""

PATIENCE_SECONDS = 3.0
STALE_PATIENCE_SECONDS = 0.3
"""The same where there are addresses that were good."""

Address = tuple[socket.AddressFamily, str]
"""A family and an address in its usual form."""

Resolve = Callable[[str], list[Address]]


def resolve(host: str) -> list[Address]:
    """Return the addresses of a name as the system orders them, at least one. It blocks. Raises OSError."""
    found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    return [(family, str(address[0])) for family, _, _, _, address in found]


class _Known(Struct):
    """What is known of a name."""

    addresses: list[Address] = field(default_factory=list)
    found_at: float = float("-inf")
    failed_at: float = float("-inf")
    # In quotes: where its name is seen, anyio makes its events, which takes 2 ms, and `serve` listens first.
    looking: "anyio.Event | None" = None
    """Set when the look-up that runs has ended."""


class Names:
    """Addresses of names, kept for a while; a name is looked up once at a time, however many ask for it."""

    def __init__(self, resolve: Resolve = resolve) -> None:
        self._resolve = resolve
        self._known: dict[str, _Known] = {}

    async def look_up(self, host: str) -> list[Address]:
        """Return the addresses of a name in ASCII, or of an address.

        Raises:
            UpstreamDns: there is no such name.
            Unreachable: the resolver does not answer.
        """
        known = self._known.setdefault(host, _Known())
        if not known.addresses or anyio.current_time() - known.found_at > FRESH_SECONDS:
            is_answered = await self._renew(host, known)
            if anyio.current_time() - known.found_at > STALE_SECONDS:
                raise _not_found() if is_answered else _no_answer()
        return known.addresses

    async def _renew(self, host: str, known: _Known) -> bool:
        """Look the name up, unless that failed just now; say whether there was an answer in time, whatever it was."""
        if anyio.current_time() - known.failed_at < FAILED_SECONDS:
            return True
        looking = known.looking
        if looking is None:
            known.looking = looking = anyio.Event()
            try:
                _start(self._resolve, host, _Landing(known, looking))
            except RuntimeError:  # there is no thread to be had
                known.looking = None
                return False
        with anyio.move_on_after(STALE_PATIENCE_SECONDS if known.addresses else PATIENCE_SECONDS):
            await looking.wait()
        return looking.is_set()


class _Landing:
    """Where the outcome of a look-up arrives, in the event loop."""

    def __init__(self, known: _Known, looking: "anyio.Event") -> None:
        self._known = known
        self._looking = looking

    def found(self, addresses: list[Address]) -> None:
        self._known.addresses, self._known.found_at = addresses, anyio.current_time()
        self._end()

    def failed(self) -> None:
        self._known.failed_at = anyio.current_time()
        self._end()

    def _end(self) -> None:
        self._known.looking = None
        self._looking.set()


def _start(resolve: Resolve, host: str, landing: _Landing) -> None:
    import anyio.from_thread  # not before it is used: 6 ms of a start

    token = anyio.lowlevel.current_token()

    def run() -> None:
        try:
            addresses = resolve(host)
        except (OSError, UnicodeError):
            outcome: Callable[[], None] = landing.failed
        else:
            outcome = lambda: landing.found(addresses)  # noqa: E731
        with suppress(RuntimeError):  # the event loop has ended: nobody waits any more
            anyio.from_thread.run_sync(outcome, token=token)

    threading.Thread(target=run, name="name look-up", daemon=True).start()


def _not_found() -> UpstreamDns:
    return UpstreamDns("The name of the provider's machine could not be looked up (OPENAI_BASE_URL).")


def _no_answer() -> Unreachable:
    return Unreachable(f"The name of the provider's machine was not looked up within {PATIENCE_SECONDS:g} s.")
