"""Replies and errors as the messages that end a request: events or plain answers. SPEC.md, sections 4 to 6."""

import math

from msgspec import UNSET, UnsetType

from protocol.codec import Addressee
from protocol.errors import ProtocolError
from protocol.messages import Answer, Beginning, Done, Error, Event, Failure, Request, Resume, Success, Usage
from sidecar.errors import SidecarError
from sidecar.replies import End, Reply

NO_USAGE = Usage(prompt_tokens=0, completion_tokens=0)

RequestId = str | UnsetType | None
"""As events carry it: absent where the request had none, null where no request caused the event."""


def echo(request_id: str | None) -> str | UnsetType:
    """Return the id as events carry it: a request without one has events without one."""
    return UNSET if request_id is None else request_id


def end_event(request_id: RequestId, reply: Reply, end: End) -> Event:
    """Return the last event of a streamed reply."""
    if end.error is not None:
        return error_event(request_id, end.error, usage=end.usage, is_shared=reply.is_shared)
    return Done(
        id=request_id,
        finish_reason=end.finish_reason,
        usage=end.usage,
        overhead_ms=reply.overhead_ms,
        shared=reply.is_shared,
        result=end.result.value if end.result is not None else None,
    )


def end_answer(request_id: RequestId, reply: Reply, end: End) -> Answer:
    """Return the plain answer for a reply that has ended."""
    if end.error is not None:
        return Failure(
            success=False,
            error=str(end.error),
            code=end.error.code,
            id=request_id,
            reply=reply.id if reply.is_detached else None,
            usage=end.usage,
            shared=reply.is_shared,
            partial=reply.text,
            retry_after=_rounded_up(end.error),
        )
    return Success(
        success=True,
        data=reply.text if end.result is None else end.result.text,
        id=request_id,
        reply=reply.id,
        model=reply.call.prompt.model,
        finish_reason=end.finish_reason,
        usage=end.usage,
        overhead_ms=reply.overhead_ms,
        shared=reply.is_shared,
        result=end.result.value if end.result is not None else None,
    )


def error_event(
    request_id: RequestId, error: SidecarError | ProtocolError, *, usage: Usage | None = None, is_shared: bool = False
) -> Error:
    """Return the event that ends a request, or the connection where `request_id` is None, with `error`."""
    return Error(
        id=request_id,
        code=error.code,
        message=str(error),
        retry_after=_rounded_up(error),
        usage=usage,
        shared=is_shared,
    )


def address(request: Request | Beginning) -> Addressee:
    """Return to whom, and in which form, the answers to `request` go."""
    wants_events = bool(request.stream) if isinstance(request, Beginning | Resume) else True
    return Addressee(id=echo(request.id), wants_events=wants_events, token=request.token)


def refusal(
    addressee: Addressee, error: SidecarError | ProtocolError, *, usage: Usage | None = NO_USAGE
) -> Error | Failure:
    """Return what ends a request before it began: its only message."""
    if addressee.wants_events:
        return error_event(addressee.id, error, usage=usage)
    return Failure(
        success=False,
        error=str(error),
        code=error.code,
        id=addressee.id,
        usage=usage,
        retry_after=_rounded_up(error),
    )


def _rounded_up(error: SidecarError | ProtocolError) -> float | None:
    seconds = error.retry_after if isinstance(error, SidecarError) else None
    return None if seconds is None else math.ceil(seconds * 10) / 10
