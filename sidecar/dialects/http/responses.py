"""Responses as bytes. Knows nothing of requests, and needs nothing but the standard library."""

import math
import time
from collections.abc import Callable
from http import HTTPStatus

from msgspec import Struct

from protocol import codec
from protocol.errors import STATUS, Code, ProtocolError
from protocol.messages import Failure
from sidecar.dialects.http.refused import Refused
from sidecar.errors import SidecarError

JSON = "application/json"

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Codes of ours, or of nginx, that the standard library does not know.
_REASONS = {499: "Client Closed Request"}

Describe = Callable[[ProtocolError | SidecarError, int], Struct]

LAST_CHUNK = b"0\r\n\r\n"


def head(status: int, fields: dict[str, str], *, closes: bool) -> bytes:
    """Return the head of a response; `fields` say what its body is."""
    reason = _REASONS.get(status) or HTTPStatus(status).phrase
    lines = [f"HTTP/1.1 {status} {reason}", f"Date: {_now()}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    lines.append("X-Content-Type-Options: nosniff")
    if closes:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _now() -> str:
    # email.utils writes the same, and takes 11 ms of every start to load.
    now = time.gmtime()
    day, month = _DAYS[now.tm_wday], _MONTHS[now.tm_mon - 1]
    return f"{day}, {now.tm_mday:02} {month} {now.tm_year} {now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02} GMT"


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


def refuse(
    error: ProtocolError | SidecarError,
    *,
    status: int | None = None,
    describe: Describe | None = None,
    is_head: bool = False,
) -> bytes:
    """Return the whole response that refuses a connection with its first, or a later, request.

    `describe` gives its body, by default a failure of ours.
    """
    seconds = error.retry_after if isinstance(error, SidecarError) else None
    fields = retry_after(seconds) | (error.fields if isinstance(error, Refused) else {})
    if error.code is Code.UNAUTHORIZED:
        fields["WWW-Authenticate"] = "Bearer"
    if status is None:
        status = error.status if isinstance(error, Refused) else STATUS[error.code]
    body = Failure(success=False, error=str(error), code=error.code, retry_after=seconds)
    described = body if describe is None else describe(error, status)
    return whole(status, codec.encode(described) + b"\n", closes=True, is_head=is_head, fields=fields)
