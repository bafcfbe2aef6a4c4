"""One request from its beginning to its last message, whatever connection it came on."""

from time import perf_counter

from anyio.lowlevel import checkpoint
from msgspec import UNSET
from msgspec.structs import replace

from protocol.messages import Answer, Beginning, Delta, Event, Progress, Resume, Start
from sidecar.errors import Cancelled
from sidecar.replies import End, Reader, Reply
from sidecar.service import Service
from sidecar.session.answers import RequestId, echo, end_answer, end_event
from sidecar.session.dialect import Send
from sidecar.session.jobs import Job

_FEW = 16


async def serve(request: Beginning | Resume, job: Job, service: Service, send: Send) -> Event | Answer:
    """Serve a request and return its last message, which the caller sends.

    Raises:
        SidecarError: it was refused before anything was sent.
    """
    if isinstance(request, Resume):
        reader = Reader(service.resume(request), after=request.after or 0)
    else:
        reader = Reader(_open(request, job, service))
    reply = reader.reply
    job.stop = (
        (lambda: reader.stop(Cancelled("This reading was cancelled; the reply goes on.")))
        if isinstance(request, Resume)
        else (lambda: service.cancel(reply))
    )
    if reply.is_detached:
        job.outcome_if_left = "left"
    request_id = echo(request.id)
    try:
        if job.is_cancelled:
            job.stop()
        if not request.stream:
            end = await reader.wait_end()
            job.outcome = _outcome(end)
            return end_answer(request_id, reply, end)
        start = _start(request_id, reply)
        if isinstance(request, Beginning) and request.ticket:
            start = _with_ticket(start, reply, service)
        await send([start])
        return await _stream(reader, request_id, job, send)
    finally:
        job.stop = None
        service.leave(reply)


async def serve_start(request: Beginning, job: Job, service: Service, _send: Send) -> Start:
    """Begin a detached reply, leave it to whoever comes for it, and return its `start`. Raises SidecarError."""
    reply = _open(request, job, service)
    try:
        start = _start(echo(request.id), reply)
        return _with_ticket(start, reply, service) if request.ticket else start
    finally:
        service.leave(reply)


async def serve_ticket(ticket: str, after: int | None, job: Job, service: Service, send: Send) -> Event:
    """Serve what a ticket opens, as `resume` would. Raises SidecarError before anything was sent."""
    reply, behind = service.redeem(ticket, after=after)
    job.outcome_if_left = "left"
    try:
        await send([_start(UNSET, reply)])
        return await _stream(Reader(reply, after=behind), UNSET, job, send)
    finally:
        service.leave(reply)


def _open(request: Beginning, job: Job, service: Service) -> Reply:
    reply = service.open(request)
    if reply.overhead_ms is None:
        seconds = perf_counter() - job.arrived
        reply.overhead_ms = 0.0 if reply.is_shared else round(seconds * 1000, 2)
        service.metrics.overhead.observe((job.what,), seconds)
    return reply


def _start(request_id: RequestId, reply: Reply) -> Start:
    return Start(id=request_id, reply=reply.id, model=reply.call.prompt.model)


def _with_ticket(start: Start, reply: Reply, service: Service) -> Start:
    ticket, seconds = service.issue_ticket(reply)
    return replace(start, ticket=ticket, expires_in=seconds)


async def _stream(reader: Reader, request_id: RequestId, job: Job, send: Send) -> Event:
    def take() -> list[Event]:
        messages: list[Event] = []
        if (stage := reader.take_stage()) is not None:
            messages.append(Progress(id=request_id, stage=stage.name, done=stage.done, total=stage.total))
        first = reader.seq + 1
        for seq, text in enumerate(reader.take(), first):
            messages.append(Delta(id=request_id, seq=seq, text=text))
        if job.first_sent is None and reader.seq >= first:
            job.first_sent = perf_counter()
        return messages

    def send_now() -> None:
        if send.keeps_up and (messages := take()):
            send.now(messages)

    while True:
        await reader.wait(send_now)
        if messages := take():
            await send(messages)
            if len(messages) > _FEW:
                await checkpoint()  # a lagging reader with a fast client would never wait for anything
        elif reader.end is not None:  # pragma: no branch - nothing else ends the wait
            job.outcome = _outcome(reader.end)
            return end_event(request_id, reader.reply, reader.end)


def _outcome(end: End) -> str:
    return "done" if end.error is None else end.error.code
