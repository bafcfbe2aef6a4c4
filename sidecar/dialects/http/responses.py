"""Responses as bytes. Knows nothing of requests, and needs nothing but the standard library."""

import math
from email.utils import formatdate
from http import HTTPStatus

from protocol import codec
from protocol.errors import STATUS, Code, ProtocolError
from protocol.messages import Failure
from sidecar.dialects.http.refused import Refused
from sidecar.errors import SidecarError

JSON = "application/json"

# Codes of ours, or of nginx, that the standard library does not know.
_REASONS = {499: "Client Closed Request"}

LAST_CHUNK = b"0\r\n\r\n"


def head(status: int, fields: dict[str, str], *, closes: bool) -> bytes:
    """Return the head of a response; `fields` say what its body is."""
    reason = _REASONS.get(status) or HTTPStatus(status).phrase
    lines = [f"HTTP/1.1 {status} {reason}", f"Date: {formatdate(usegmt=True)}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    lines.append("X-Content-Type-Options: nosniff")
    if closes:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def whole(
    status: int,
    body: bytes,
    *,
    kind: str = JSON,
    closes: bool,
    is_head: bool = False,
    fields: dict[str, str] | None = None,
) -> bytes:
    """Return a response that is complete; to a HEAD request without its body."""
    about = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"} | (fields or {})
    return head(status, about, closes=closes) + (b"" if is_head else body)


def chunk(data: bytes) -> bytes:
    """Return one chunk of a response; b"" where there is nothing to send."""
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""


def retry_after(seconds: float | None) -> dict[str, str]:
    """Return the field that says when to try again: in whole seconds, as HTTP has it."""
    return {} if seconds is None else {"Retry-After": str(math.ceil(seconds))}


def refuse(error: ProtocolError | SidecarError, *, status: int | None = None) -> bytes:
    """Return the whole response that refuses a connection with its first, or a later, request."""
    seconds = error.retry_after if isinstance(error, SidecarError) else None
    failure = Failure(success=False, error=str(error), code=error.code, retry_after=seconds)
    fields = retry_after(seconds) | (error.fields if isinstance(error, Refused) else {})
    if error.code is Code.UNAUTHORIZED:
        fields["WWW-Authenticate"] = "Bearer"
    if status is None:
        status = error.status if isinstance(error, Refused) else STATUS[error.code]
    return whole(status, codec.encode(failure) + b"\n", closes=True, fields=fields)
