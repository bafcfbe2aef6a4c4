"""A whole sidecar without sockets: a provider, replies, a service, and sessions over connections in memory."""

import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from typing import TypedDict, Unpack

import anyio
import anyio.lowlevel
import msgspec
from anyio.abc import TaskGroup
from msgspec.structs import replace
from trio.testing import MockClock

from protocol.codec import decode_reply
from protocol.messages import Answer, Delta, Done, Error, Event, Failure, Heartbeat, Start, Success
from sidecar.connections import Connections
from sidecar.dialects import FRAMES, PayloadDialect
from sidecar.providers import Provider
from sidecar.replies import Replies, ReplyLimits, TicketStore
from sidecar.service import Service
from sidecar.session import ByteBudget, Peer, PeerGone, Session, SessionLimits
from tests.rules import make_rules
from tests.session.fakes import Call, GatedProvider, MemoryStream

PEER = Peer(name="test")


class Changed(TypedDict, total=False):
    """What a test wants otherwise than `new_limits` has it."""

    max_payload_bytes: int
    max_running: int
    max_waiting: int
    read_seconds: float | None
    idle_seconds: float | None
    heartbeat_seconds: float
    stall_seconds: float
    unfinished: ByteBudget
    unfinished_of_strangers: ByteBudget


def new_limits(**changed: Unpack[Changed]) -> SessionLimits:
    """Return limits with budgets of their own."""
    limits = SessionLimits(
        max_payload_bytes=2**23,
        max_running=16,
        max_waiting=100,
        read_seconds=10.0,
        idle_seconds=300.0,
        heartbeat_seconds=10.0,
        stall_seconds=15.0,
        unfinished=ByteBudget(2**26),
        unfinished_of_strangers=ByteBudget(2**23),
    )
    return replace(limits, **changed)


def is_end(message: Event | Answer) -> bool:
    return isinstance(message, Done | Error | Success | Failure)


def in_virtual_time(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run `test` on trio with a clock that jumps to the next deadline whenever nothing else can happen."""

    @wraps(test)
    def run(**arguments: object) -> None:
        clock = MockClock(autojump_threshold=0)
        anyio.run(lambda: test(**arguments), backend="trio", backend_options={"clock": clock})

    return run


async def settle() -> None:
    """Let everything happen that can happen without the test."""
    for _ in range(20):  # on asyncio the next line takes 0.1 s where it finds work
        await anyio.lowlevel.checkpoint()
    await anyio.wait_all_tasks_blocked()


class Client:
    """The other end of a session: asks, and reads what comes."""

    def __init__(self, stream: MemoryStream, dialect: PayloadDialect) -> None:
        self.stream = stream
        self.messages: list[Event | Answer] = []
        """All that were read."""
        self.session: Session | None = None
        self._has_ended = False
        self._dialect = dialect
        self._decoder = dialect.new_decoder(2**40)
        self._decoded_bytes = 0

    def send(self, *payloads: bytes) -> None:
        """Send payloads, all in one piece."""
        self.stream.deliver(b"".join(map(self._dialect.wrap, payloads)))

    def ask(self, action: str, **fields: object) -> None:
        self.send(msgspec.json.encode({"action": action, **fields}))

    def chat(self, request_id: str | None = None, content: str = "Hi", **fields: object) -> None:
        self.ask("chat", id=request_id, content=content, **fields)

    async def read(self) -> Event | Answer:
        """Wait for the next message."""
        message: Event | Answer | None = None

        def has_come() -> bool:
            nonlocal message
            message = self._next()
            return message is not None or self.stream.is_finished

        await self.stream.changes.until(has_come)
        assert message is not None, "the connection has ended"
        return message

    async def read_start(self) -> Start:
        """Wait for `start`. On a busy machine a heartbeat of some milliseconds may be faster."""
        while isinstance(start := await self.read(), Heartbeat):
            pass
        assert isinstance(start, Start)
        return start

    async def read_ends(self, count: int = 1) -> list[Event | Answer]:
        """Wait for so many ends and return them; what comes between goes to `messages` only."""
        ends: list[Event | Answer] = []
        while len(ends) < count:
            message = await self.read()
            if is_end(message):
                ends.append(message)
        return ends

    async def read_all(self) -> list[Event | Answer]:
        """Wait for the end of what the sidecar sends and return what was not read."""
        await self.finished()
        messages = self.read_now()
        assert not self._decoder.buffered_bytes, "half a message"
        return messages

    def read_now(self) -> list[Event | Answer]:
        """Return what has come and was not read."""
        messages = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    async def finished(self) -> None:
        """Wait until the sidecar has said that nothing more comes."""
        await self.stream.changes.until(lambda: self.stream.is_finished)

    def has_ended(self) -> bool:
        """Return whether the sidecar is through with the connection."""
        return self._has_ended

    def end(self) -> None:
        """Say that it is."""
        self._has_ended = True
        self.stream.changes.notify()

    async def ended(self) -> None:
        """Wait until it is."""
        await self.stream.changes.until(self.has_ended)

    def _next(self) -> Event | Answer | None:
        self._decoder.feed(bytes(self.stream.arrived[self._decoded_bytes :]))
        self._decoded_bytes = len(self.stream.arrived)
        payload = self._decoder.next_payload()
        if payload is None:
            return None
        self.messages.append(decode_reply(payload))
        return self.messages[-1]


def text_of(messages: list[Event | Answer], request_id: str) -> str:
    """Return the text of one request's deltas."""
    return "".join(m.text for m in messages if isinstance(m, Delta) and m.id == request_id)


def without_heartbeats(messages: list[Event | Answer]) -> list[Event | Answer]:
    return [message for message in messages if not isinstance(message, Heartbeat)]


class BugLog(logging.Handler):
    """Collects what is logged as our own error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())

    def take(self) -> list[str]:
        """Return what was logged; a test that provokes it takes it, so that nothing is left at the end."""
        messages, self.messages = self.messages, []
        return messages


class House:
    """A sidecar and its clients."""

    def __init__(
        self, provider: Provider, replies: Replies, limits: SessionLimits, tasks: TaskGroup, tickets: TicketStore | None
    ) -> None:
        self.replies = replies
        self.limits = limits
        rules = make_rules(*provider.models)
        self.service = Service(provider=provider, replies=replies, rules=rules, tickets=tickets)
        self.connections = Connections(self.service, limits)
        self.clients: list[Client] = []
        self.bugs = BugLog()
        self.outliving = 0
        """How many detached calls go on when every client has left."""
        self._provider = provider
        self._tasks = tasks

    @property
    def provider(self) -> GatedProvider:
        assert isinstance(self._provider, GatedProvider)
        return self._provider

    def connect(self, dialect: PayloadDialect = FRAMES, *, peer: Peer = PEER, room: float = math.inf) -> Client:
        """Open a connection; `room` is how much of the answers the client lets come before it reads."""
        client = Client(MemoryStream(room=room), dialect)
        self.clients.append(client)
        self._tasks.start_soon(self._serve, client, dialect, peer)
        return client

    def welcome(self, dialect: PayloadDialect = FRAMES, *, peer: Peer = PEER, room: float = math.inf) -> Client:
        """Open a connection as a transport does: its first byte says what it speaks; the client expects `dialect`."""
        client = Client(MemoryStream(room=room), dialect)
        self.clients.append(client)
        self._tasks.start_soon(self._serve_unknown, client, peer)
        return client

    async def next_call(self) -> Call:
        return await self.provider.next_call()

    async def _serve(self, client: Client, dialect: PayloadDialect, peer: Peer) -> None:
        stream = client.stream
        try:
            first = await stream.receive()
            client.session = Session(stream, dialect, service=self.service, peer=peer, limits=self.limits)
            await client.session.run(first)
        except PeerGone:
            assert client.session is None, "a session raises nothing for what its peer does"
        finally:
            stream.close()
            client.end()

    async def _serve_unknown(self, client: Client, peer: Peer) -> None:
        await self.connections.serve(client.stream, peer)
        assert client.stream.is_closed
        client.end()

    async def check_end(self) -> None:
        """Let every client leave, and see that nothing of them is left."""
        for client in self.clients:
            if not client.has_ended():
                client.stream.leave()
            await client.ended()
        assert self.limits.unfinished.used_bytes == 0
        assert self.limits.unfinished_of_strangers.used_bytes == 0
        assert self.connections.is_idle
        assert self.bugs.take() == []
        if isinstance(self._provider, GatedProvider):
            await settle()
            assert sum(not call.has_left for call in self._provider.calls) == self.outliving


@asynccontextmanager
async def open_house(
    provider: Provider | None = None,
    *,
    reply_limits: ReplyLimits | None = None,
    tickets: TicketStore | None = None,
    **changed: Unpack[Changed],
) -> AsyncIterator[House]:
    """Give a sidecar that, at the end, must have let go of everything."""
    async with Replies(reply_limits or ReplyLimits()) as replies, anyio.create_task_group() as tasks:
        house = House(provider or GatedProvider(), replies, new_limits(**changed), tasks, tickets)
        logger = logging.getLogger("sidecar")
        logger.addHandler(house.bugs)
        try:
            yield house
            await house.check_end()
        finally:
            logger.removeHandler(house.bugs)
        tasks.cancel_scope.cancel()
