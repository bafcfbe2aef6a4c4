"""What a connection's messages lead to: requests are served side by side, everything else is answered at once."""

import logging
from collections.abc import Callable
from functools import partial
from time import perf_counter

import anyio
import anyio.lowlevel
from msgspec.structs import replace

from protocol.codec import Addressee
from protocol.errors import Code, ProtocolError
from protocol.messages import Answer, Beginning, Cancel, Event, Ping, Request, Resume, Ticket
from sidecar.errors import Cancelled, SidecarError
from sidecar.service import Service
from sidecar.session.answers import NO_USAGE, echo, refusal
from sidecar.session.dialect import Dialect, Errand, Form, Incoming
from sidecar.session.intake import Intake
from sidecar.session.jobs import Job, Jobs
from sidecar.session.outbox import Outbox
from sidecar.session.peer import WRONG_TOKEN_SECONDS, SessionLimits
from sidecar.session.serving import serve

logger = logging.getLogger(__name__)


class Requests:
    """The requests of one connection. `begin` is called for each job whose turn has come, and starts `serve` for it."""

    def __init__(
        self,
        begin: Callable[[Job], None],
        *,
        dialect: Dialect,
        service: Service,
        intake: Intake[Incoming],
        outbox: Outbox,
        limits: SessionLimits,
    ) -> None:
        self._dialect = dialect
        self._service = service
        self._intake = intake
        self._outbox = outbox
        self._job_ended = anyio.Event()
        self.jobs = Jobs(
            begin, max_running=limits.max_running, max_waiting=limits.max_waiting, in_turn=dialect.serves_in_turn
        )

    def take(self, incoming: Incoming, held_bytes: int) -> None:
        """Begin to serve a request, let it wait, or answer it."""
        request = incoming.asked
        if isinstance(request, Beginning | Resume):
            self._submit(incoming, Errand(type(request).__name__.lower(), partial(serve, request)), held_bytes)
        elif isinstance(request, Errand):
            self._submit(incoming, request, held_bytes)
        elif isinstance(request, Cancel) and request.reply is None:
            self._intake.let_go(held_bytes)
            self._cancel(request.id)
        elif isinstance(request, ProtocolError | SidecarError):
            self._reject(incoming, request, held_bytes)
        else:
            self._say(incoming, self._control(incoming.addressee, request), held_bytes)

    @property
    def is_full(self) -> bool:
        """Whether no other request may wait for its turn.

        Requests with ids are refused instead where there is no place, so that a cancel behind them is read.
        """
        return self._dialect.serves_in_turn and self.jobs.is_full

    async def job_ended(self) -> None:
        """Wait until one is answered."""
        self._job_ended = anyio.Event()
        await self._job_ended.wait()

    async def serve(self, job: Job) -> None:
        """Serve one request to its last message, which is sent here and nowhere else."""
        try:
            # Those that waited begin when others end: where all end because the client has left, nothing is asked.
            await anyio.lowlevel.checkpoint_if_cancelled()
            last = await self._last_message(job)
            await self._outbox.room()
            self._outbox.put(job.form.encode([last]))
        except anyio.get_cancelled_exc_class():
            job.outcome = job.outcome_if_left
            raise
        finally:
            self._intake.let_go(job.held_bytes)
            self.jobs.finish(job)
            self._job_ended.set()
            if not job.is_routine:
                self._service.metrics.requests[job.what, job.outcome] += 1
                _log(job)

    async def _last_message(self, job: Job) -> Event | Answer:
        try:
            return await job.serve(job)
        except SidecarError as exc:
            job.outcome = exc.code
            return refusal(job.addressee, exc)
        except Exception:  # the inmost of three fences: a bug ends its own request only
            logger.exception("request failed action=%s id=%s", job.what, _name(job.addressee))
            error = SidecarError("The sidecar failed on this request; its log has the cause.")
            job.outcome = error.code
            return refusal(job.addressee, error)

    def _reject(self, incoming: Incoming, error: ProtocolError | SidecarError, held_bytes: int) -> None:
        """Answer what cannot be understood, or must not be served."""
        answer = refusal(incoming.addressee, error, usage=None if error.code is Code.BAD_MESSAGE else NO_USAGE)
        if error.code is not Code.UNAUTHORIZED:
            self._refused("none", incoming.addressee, error.code)
            self._say(incoming, answer, held_bytes)
            return

        async def say_later(job: Job, *_: object) -> Event | Answer:
            job.outcome = error.code
            await anyio.sleep(WRONG_TOKEN_SECONDS)
            return answer

        self._submit(incoming, Errand("none", say_later), held_bytes)

    def _submit(self, incoming: Incoming, errand: Errand, held_bytes: int) -> None:
        form, send = incoming.form, _Sender(incoming.form, self._outbox)
        job = Job(
            what=errand.what,
            addressee=incoming.addressee,
            form=form,
            serve=lambda job: errand.serve(job, self._service, send),
            has_id=not self._dialect.answers_in_order,
            arrived=perf_counter(),
            held_bytes=held_bytes,
            is_routine=errand.is_routine,
        )
        try:
            self.jobs.submit(job)
        except SidecarError as exc:
            self._refused(errand.what, incoming.addressee, exc.code)
            self._answer(form.encode([refusal(incoming.addressee, exc)]), held_bytes)

    def _control(self, addressee: Addressee, request: Request) -> Event | Answer:
        try:
            if isinstance(request, Ping):
                done = self._service.status()
            elif isinstance(request, Cancel) and request.reply is not None:
                done = self._service.cancel_by_reply(request.reply, request.user_id)
            else:
                assert isinstance(request, Ticket)  # noqa: S101 - what is left
                done = self._service.ticket(request)
        except SidecarError as exc:
            return refusal(addressee, exc)
        return replace(done, id=echo(request.id))

    def _cancel(self, request_id: str | None) -> None:
        """End a request of this connection. Nothing to cancel is not an error: its end may be on its way."""
        job = self.jobs.find(request_id)
        if job is None:
            return
        job.cancel()
        if self.jobs.withdraw(job):
            error = Cancelled("The request was cancelled before it began.")
            self._answer(job.form.encode([refusal(job.addressee, error)]), job.held_bytes)

    def _say(self, incoming: Incoming, answer: Event | Answer, held_bytes: int) -> None:
        """Send an answer that is ready; in lines not before the answers to earlier requests without id."""
        is_named = isinstance(incoming.addressee.id, str) and not self._dialect.answers_in_order
        if is_named or not self._dialect.serves_in_turn or not self.jobs.has_nameless:
            self._answer(incoming.form.encode([answer]), held_bytes)
            return

        async def say(*_: object) -> Event | Answer:
            return answer

        self._submit(incoming, Errand("answer", say, is_routine=True), held_bytes)

    def _refused(self, what: str, addressee: Addressee, code: Code) -> None:
        self._service.metrics.requests[what, code] += 1
        logger.info("request %s action=%s id=%s", code, what, _name(addressee))

    def _answer(self, answer: bytes, held_bytes: int) -> None:
        self._outbox.put_unread(answer)
        self._intake.let_go(held_bytes)


class _Sender:
    """The messages of one request on their way to its connection."""

    def __init__(self, form: Form, outbox: Outbox) -> None:
        self._form = form
        self._outbox = outbox

    async def __call__(self, messages: list[Event]) -> None:
        await self._outbox.room()
        self.now(messages)

    @property
    def keeps_up(self) -> bool:
        return self._outbox.is_empty

    def now(self, messages: list[Event]) -> None:
        self._outbox.put(self._form.encode(messages))


def _name(addressee: Addressee) -> str:
    return addressee.id if isinstance(addressee.id, str) else "-"


def _log(job: Job) -> None:
    now = perf_counter()
    logger.info(
        "request %s action=%s id=%s ms=%.1f first_ms=%s",
        job.outcome,
        job.what,
        _name(job.addressee),
        (now - job.arrived) * 1000,
        "-" if job.first_sent is None else f"{(job.first_sent - job.arrived) * 1000:.1f}",
    )
