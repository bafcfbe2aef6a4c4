"""One connection: its reader, its one writer, and how it ends. SPEC.md, section 8."""

import logging
import math

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from protocol.errors import BadFrame, Code, ProtocolError
from sidecar.errors import Overloaded, SidecarError, Unauthorized
from sidecar.service import Service
from sidecar.session.answers import refusal
from sidecar.session.byte_stream import ByteStream, PeerCut, PeerGone
from sidecar.session.dialect import Dialect, Incoming, NoMore
from sidecar.session.intake import Intake
from sidecar.session.jobs import Job
from sidecar.session.outbox import Outbox
from sidecar.session.peer import WRONG_TOKEN_SECONDS, Peer, SessionLimits
from sidecar.session.requests import Requests

logger = logging.getLogger(__name__)

# After a refusal, what the peer still sends is dropped for so long, so that the answer is not lost to a reset.
_LINGER_SECONDS = 1.0

# So many messages are taken before others have their turn: one read may bring 32,000, which take a quarter of a second.
_MESSAGES_A_TURN = 100

# Where the end of input is no sign that the peer has left, it is looked for so often.
_LOOK_SECONDS = 1.0


class TooSlow(BadFrame):
    """A message was not whole in time."""


class _Refused(Exception):
    """The connection ends, with `message` as its last word."""

    def __init__(self, error: SidecarError | ProtocolError, message: bytes) -> None:
        super().__init__(f"code={error.code}: {error}")
        self.code = error.code
        self.message = message


class Session:
    """Serves one connection. The stream is the caller's to close."""

    def __init__(
        self, stream: ByteStream, dialect: Dialect, *, service: Service, peer: Peer, limits: SessionLimits
    ) -> None:
        self._stream = stream
        self._dialect = dialect
        self._peer = peer
        self._limits = limits
        self._is_authorized = peer.token is None
        budget = limits.unfinished if self._is_authorized else limits.unfinished_of_strangers
        self._intake = Intake(dialect.new_reader(limits.max_payload_bytes), budget)
        self._outbox = Outbox(
            stream,
            stall_seconds=limits.stall_seconds,
            heartbeat=self._heartbeat,
            heartbeat_seconds=limits.heartbeat_seconds,
        )
        self._tasks: TaskGroup
        self._requests = Requests(
            self._begin,
            dialect=dialect,
            service=service,
            intake=self._intake,
            outbox=self._outbox,
            limits=limits,
        )
        self._receiving = anyio.CancelScope()
        self._has_all = False
        """Whether its last request has come, though its input goes on."""
        self._awaits_room = False
        self._looks_for_peer = False
        self.has_asked = False
        """Whether a request has come."""

    @property
    def is_idle(self) -> bool:
        """Whether every request is answered and every answer sent."""
        return not self._requests.jobs and self._outbox.is_empty

    async def run(self, first: bytes) -> None:
        """Serve the connection, whose first bytes were `first`, to its end. What the peer does raises nothing."""
        try:
            async with anyio.create_task_group() as connection:
                connection.start_soon(self._outbox.run)
                refused = await self._serve(first, connection)
                if refused is not None:
                    await self._say_last(refused)
                if refused is not None or self._has_all:
                    await self._linger()
                await self._outbox.flushed()
                self._outbox.end()
                if self._looks_for_peer:
                    connection.cancel_scope.cancel()
        except* PeerCut as cut:
            logger.info("session cut peer=%s: %s", self._peer.name, _first_of(cut))
        except* PeerGone as gone:
            logger.debug("session ends peer=%s: %s", self._peer.name, _first_of(gone))
        finally:
            self._intake.close()

    async def _serve(self, first: bytes, connection: TaskGroup) -> _Refused | None:
        """Read to the end of input, let the requests end that still run, and return why the connection is refused."""
        async with anyio.create_task_group() as self._tasks:
            refused = await self._read(first)
            if refused is not None or (self._dialect.end_means_gone and not self._peer.is_private):
                if self._requests.jobs:  # else there is nothing to cancel, and a cancel costs as much as a task
                    self._tasks.cancel_scope.cancel()
            else:
                self._looks_for_peer = True
                connection.start_soon(self._look_for_peer)
        return refused

    async def _read(self, chunk: bytes) -> _Refused | None:
        """Take requests until the end of input. Waits for nothing but bytes, its turn and, without ids, room."""
        if self._peer.refusal is not None:
            return self._unasked(self._peer.refusal)
        try:
            while True:
                self._intake.feed(chunk)
                for number, (incoming, held_bytes) in enumerate(self._intake.payloads(), 1):
                    self._authorize(incoming)
                    self._requests.take(incoming, held_bytes)
                    self.has_asked = True
                    if self._requests.is_full and not await self._room():
                        return None
                    if number % _MESSAGES_A_TURN == 0:
                        await anyio.lowlevel.checkpoint()
                if not chunk:
                    return None
                chunk = await self._receive()
        except NoMore:
            self._has_all = True
            await self._until_answered()
            return None
        except (ProtocolError, SidecarError) as exc:
            return self._unasked(exc)
        except _Refused as refused:
            return refused

    async def _room(self) -> bool:
        """Wait until another request may wait for its turn; False: the peer has left meanwhile.

        A file of a thousand lines is read as it is answered. Where the end of input means that the peer has left, it is
        looked for behind what the peer has sent ahead.
        """
        self._awaits_room = True
        while self._requests.is_full:
            if not self._dialect.end_means_gone:
                await self._requests.job_ended()
                continue
            with anyio.CancelScope() as self._receiving:  # until a job ends
                if not (chunk := await self._stream.receive()):
                    return False
                self._intake.feed(chunk)
                if self._intake.buffered_bytes > self._limits.max_payload_bytes:
                    raise Overloaded("No more requests may wait on this connection.", retry_after=1.0)
        self._awaits_room = False
        return True

    async def _receive(self) -> bytes:
        """Return the next bytes; b"" at the end of input and where there was nothing to do for too long."""
        with anyio.CancelScope() as self._receiving:
            self._set_deadline()
            return await self._stream.receive()
        if self._intake.message_began is None:
            return b""
        raise TooSlow(f"A message was not whole after {self._limits.read_seconds:g} s.")

    def _set_deadline(self) -> None:
        """Bound the wait for bytes: the rest of a message or, while nothing is running, the next one."""
        limits, began, deadline = self._limits, self._intake.message_began, math.inf
        if began is not None and limits.read_seconds is not None:
            deadline = began + limits.read_seconds
        elif not self._requests.jobs and limits.idle_seconds is not None:
            deadline = anyio.current_time() + limits.idle_seconds
        self._receiving.deadline = deadline

    async def _until_answered(self) -> None:
        """Wait until the last request is answered, or the peer leaves; what it still sends is dropped."""
        while self._requests.jobs:
            with anyio.CancelScope() as self._receiving:
                if not await self._stream.receive():
                    return

    def _authorize(self, incoming: Incoming) -> None:
        """Check, at the first message that not everybody may send, who this is."""
        if self._is_authorized or self._peer.token is None or incoming.is_open:
            return
        token = incoming.addressee.token
        if token is None or not self._peer.token.matches(token):
            what = "has none" if token is None else "has a wrong one"
            error = Unauthorized(f"The first message of a TCP connection needs `token`; this one {what}.")
            raise _Refused(error, incoming.form.encode([refusal(incoming.addressee, error)]))
        self._is_authorized = True
        self._peer.on_authorized()
        self._intake.move_to(self._limits.unfinished)

    def _unasked(self, error: SidecarError | ProtocolError) -> _Refused:
        # In the middle of an answer in order, nothing that is said could be told from it.
        is_answering = self._dialect.answers_in_order and self._requests.jobs
        return _Refused(error, b"" if is_answering else self._dialect.refuse(error))

    def _begin(self, job: Job) -> None:
        self._tasks.start_soon(self._serve_job, job)

    async def _serve_job(self, job: Job) -> None:
        await self._requests.serve(job)
        self._set_deadline()
        if self._has_all or self._awaits_room:
            self._receiving.cancel()

    async def _say_last(self, refused: _Refused) -> None:
        logger.info("session refused peer=%s %s", self._peer.name, refused)
        if refused.code is Code.UNAUTHORIZED:
            await anyio.sleep(WRONG_TOKEN_SECONDS)
        self._outbox.put(refused.message)

    async def _linger(self) -> None:
        await self._outbox.flushed()
        self._stream.close_sending()
        with anyio.move_on_after(_LINGER_SECONDS):
            while await self._stream.receive():
                pass

    def _heartbeat(self) -> bytes:
        """Return a sign of life where a streaming request is running."""
        job = self._requests.jobs.streaming
        return b"" if job is None else job.form.heartbeat

    async def _look_for_peer(self) -> None:
        """Notice that a peer has left which had only said that it has no more requests."""
        while not self._stream.is_gone():  # noqa: ASYNC110 - no event tells
            await anyio.sleep(_LOOK_SECONDS)
        raise PeerGone("it left before its answers were out")


def _first_of(group: BaseExceptionGroup[PeerGone]) -> BaseException:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
