"""The load: many clients that ask one reply after the other, and what they saw while the window was open.

It runs in the process that measures. Clients start spread over the length of a reply, so that beginnings and ends are
spread, too; what comes before all have begun (the ramp) is not counted.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import cast

from bench import procfs
from bench.wire import Dialect, TokenCounter

# Between all clients having begun and the window.
_SETTLE_SECONDS = 0.3

# After an error, so that a target that is down is not asked in a loop.
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something that answers: where, and in which dialect."""

    name: str
    pid: int
    dialect: Dialect
    path: str | None = None
    """A Unix socket; else `port` on the loopback interface."""
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How many clients ask for what, and for how long."""

    streams: int
    rate: int
    """Tokens a second in each stream; 0: as fast as they are taken."""
    tokens: int
    """Of each reply."""
    seconds: float
    """How long the window is open."""
    leave_every: int = 0
    """Each client leaves every n-th reply at its first token; 0: none."""
    cut_every: int = 0
    """The provider cuts every n-th reply behind its third token; 0: none."""

    @property
    def ramp_seconds(self) -> float:
        return self.tokens / self.rate if self.rate else 0.3

    @property
    def offered(self) -> float | None:
        """Tokens a second, where a pace is kept."""
        return self.streams * self.rate or None


@dataclass(slots=True)
class Tally:
    """What the clients saw while the window was open, and what the watched processes took for it."""

    is_open: bool = False
    tokens: int = 0
    requests: int = 0
    """Those that ended well."""
    errors: Counter[str] = field(default_factory=Counter)
    """Also those of the ramp."""
    latencies_us: list[int] = field(default_factory=list)
    """One way, from the provider's writing to the client's reading."""
    first_tokens_us: list[int] = field(default_factory=list)
    """From the request, a new connection included, to the first token."""
    seconds: float = 0.0
    waited: float = 0.0
    """For how much of the window the target could have run, and other processes had its core."""
    cpu_ns: dict[str, int] = field(default_factory=dict)
    """Of the target, what was watched, and `load`: ourselves."""
    memory_before: int = 0
    memory_during: int = 0
    """Of the target, in bytes: before the first client, and at the end of the window."""

    def share(self, name: str) -> float:
        """Return how much of a core a process took."""
        return self.cpu_ns[name] / 1e9 / self.seconds

    def is_saturated(self, offered: float | None) -> bool:
        return offered is not None and self.tokens < 0.95 * offered * self.seconds


class Connection(asyncio.Protocol):
    """One client connection; it carries one reply at a time."""

    def __init__(self, dialect: Dialect, tally: Tally) -> None:
        self._reader = dialect.make_reader()
        self._tally = tally
        self._counter = TokenCounter()
        self._ended: asyncio.Future[str] | None = None
        self._asked_at: int | None = None
        self.first_token = asyncio.Event()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass

    def ask(self, request: bytes, *, asked_at: int) -> asyncio.Future[str]:
        """Send a request; the future gives the end of its reply: `done`, or what went wrong."""
        self._counter = TokenCounter()
        self.first_token.clear()
        self._asked_at = asked_at
        self._ended = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._ended

    @property
    def is_shared(self) -> bool:
        """Whether the last reply shared a call that another had paid for."""
        return self._reader.is_shared

    def has_all(self, tokens: int) -> bool:
        """Say whether the reply had exactly so many tokens, in order."""
        return self._counter.is_whole(tokens)

    @property
    def tokens(self) -> int:
        """How many came in order."""
        return self._counter.count

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns() // 1000
        text = self._reader.feed(data)
        if text:
            self._count(text, now)
        if self._reader.end is not None:
            self._end(self._reader.end)
            self._reader.end = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._end("the connection was closed")

    def _count(self, text: str, now: int) -> None:
        times = self._counter.take(text)
        if self._asked_at is not None and times:
            if self._tally.is_open:
                self._tally.first_tokens_us.append(now - self._asked_at)
            self._asked_at = None
            self.first_token.set()
        if self._tally.is_open:
            self._tally.tokens += len(times)
            self._tally.latencies_us.extend([now - written for written in times])

    def _end(self, how: str) -> None:
        self.first_token.set()
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(how)


async def connect(target: Target, tally: Tally) -> Connection:
    """Open a connection to the target.

    Raises:
        OSError: it cannot be reached.
    """
    loop = asyncio.get_running_loop()
    make = partial(Connection, target.dialect, tally)
    if target.path is not None:
        _, connection = await loop.create_unix_connection(make, target.path)
    else:
        _, connection = await loop.create_connection(make, "127.0.0.1", target.port)
    return connection


async def run_load(
    target: Target, load: Load, *, watched: Mapping[str, int] = MappingProxyType({}), tally: Tally | None = None
) -> Tally:
    """Put the load on the target and return what was seen. `watched` are processes to measure, beside the target."""
    tally = tally or Tally()
    pids = {target.name: target.pid, **watched}
    tally.memory_before = procfs.memory_bytes(target.pid)
    clients = [asyncio.create_task(_Client(target, load, tally).run(number)) for number in range(load.streams)]
    try:
        await asyncio.sleep(load.ramp_seconds + _SETTLE_SECONDS)
        before = {name: procfs.read_times(pid) for name, pid in pids.items()}
        began, load_began = time.monotonic(), time.process_time_ns()
        tally.is_open = True
        await asyncio.sleep(load.seconds)
        tally.is_open = False
        tally.seconds = time.monotonic() - began
        times = {name: procfs.between(before[name], procfs.read_times(pid)) for name, pid in pids.items()}
        tally.cpu_ns = {name: taken.running for name, taken in times.items()}
        tally.cpu_ns["load"] = time.process_time_ns() - load_began
        tally.waited = times[target.name].waiting / 1e9 / tally.seconds
        tally.memory_during = procfs.memory_bytes(target.pid)
    finally:
        for client in clients:
            client.cancel()
        for failure in await asyncio.gather(*clients, return_exceptions=True):
            if isinstance(failure, Exception):
                tally.errors[f"{type(failure).__name__} in the load"] += 1
        await asyncio.sleep(0)  # the connections that they have left are closed in the loop's next turn
    return tally


class _Client:
    def __init__(self, target: Target, load: Load, tally: Tally) -> None:
        self._target, self._load, self._tally = target, load, tally
        self._request = target.dialect.write(f"{load.rate}x{load.tokens}")
        self._cut_request = target.dialect.write(f"{load.rate}x{load.tokens}x3")
        self._connection: Connection | None = None

    async def run(self, number: int) -> None:
        """Ask one reply after the other, until cancelled."""
        await asyncio.sleep(self._load.ramp_seconds * number / self._load.streams)
        turn = number  # so that not all clients leave at once
        try:
            while True:
                turn += 1
                await self._ask(turn)
        finally:
            self._close()

    async def _ask(self, turn: int) -> None:
        asked_at = time.monotonic_ns() // 1000
        try:
            connection = self._connection or await connect(self._target, self._tally)
        except OSError as exc:
            return await self._fail(type(exc).__name__)
        self._connection = connection
        load = self._load
        is_cut = bool(load.cut_every) and turn % load.cut_every == 0
        ended = connection.ask(self._cut_request if is_cut else self._request, asked_at=asked_at)
        if load.leave_every and turn % load.leave_every == 1:
            await connection.first_token.wait()
            return self._close()
        how = await ended
        if is_cut:
            self._close()
        elif how != "done":
            await self._fail(how)
        elif not connection.has_all(load.tokens):
            await self._fail("tokens missing or out of order")
        else:
            self._tally.requests += self._tally.is_open
            if not self._target.dialect.keeps_connection:
                self._close()

    async def _fail(self, how: str) -> None:
        self._tally.errors[how] += 1
        self._close()
        await asyncio.sleep(_PAUSE_SECONDS)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.transport.abort()
            self._connection = None
