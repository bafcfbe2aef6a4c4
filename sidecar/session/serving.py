"""One request from its beginning to its last message, whatever connection it came on."""

from time import perf_counter

from anyio.lowlevel import checkpoint

from protocol.messages import Answer, Delta, Event, Generate, Progress, Resume, Start
from sidecar.errors import Cancelled
from sidecar.replies import End, Reader
from sidecar.service import Service
from sidecar.session.answers import RequestId, echo, end_answer, end_event
from sidecar.session.dialect import Send
from sidecar.session.jobs import Job

_FEW = 16


async def serve(request: Generate | Resume, job: Job, service: Service, send: Send) -> Event | Answer:
    """Serve a request and return its last message, which the caller sends.

    Raises:
        SidecarError: it was refused before anything was sent.
    """
    reader = _read(request, job, service)
    reply = reader.reply
    job.stop = (
        (lambda: reader.stop(Cancelled("This reading was cancelled; the reply goes on.")))
        if isinstance(request, Resume)
        else (lambda: service.cancel(reply))
    )
    request_id = echo(request.id)
    try:
        if job.is_cancelled:
            job.stop()
        if not request.stream:
            end = await reader.wait_end()
            job.outcome = _outcome(end)
            return end_answer(request_id, reply, end)
        await send([Start(id=request_id, reply=reply.id, model=reply.call.prompt.model)])
        return await _stream(reader, request_id, job, send)
    finally:
        job.stop = None
        service.leave(reply)


def _read(request: Generate | Resume, job: Job, service: Service) -> Reader:
    if isinstance(request, Resume):
        return Reader(service.resume(request), after=request.after or 0)
    reply = service.open(request)
    if reply.overhead_ms is None:
        reply.overhead_ms = 0.0 if reply.is_shared else round((perf_counter() - job.arrived) * 1000, 2)
    return Reader(reply)


async def _stream(reader: Reader, request_id: RequestId, job: Job, send: Send) -> Event:
    while True:
        await reader.wait()
        messages: list[Event] = []
        if (stage := reader.take_stage()) is not None:
            messages.append(Progress(id=request_id, stage=stage.name, done=stage.done, total=stage.total))
        first = reader.seq + 1
        for seq, text in enumerate(reader.take(), first):
            messages.append(Delta(id=request_id, seq=seq, text=text))
        if messages:
            if job.first_sent is None and reader.seq >= first:
                job.first_sent = perf_counter()
            await send(messages)
            if len(messages) > _FEW:
                await checkpoint()  # a lagging reader with a fast client would never wait for anything
        elif reader.end is not None:  # pragma: no branch - nothing else ends the wait
            job.outcome = _outcome(reader.end)
            return end_event(request_id, reader.reply, reader.end)


def _outcome(end: End) -> str:
    return "done" if end.error is None else end.error.code
