"""HTTP: not yet spoken, but answered so that its clients understand. SPEC.md, section 2.4."""

from protocol import codec
from protocol.errors import STATUS, Code
from protocol.messages import Failure


def _response(reason: str, code: Code, message: str) -> bytes:
    body = codec.encode(Failure(success=False, error=message, code=code)) + b"\n"
    head = (
        f"HTTP/1.1 {STATUS[code]} {reason}\r\n"
        f"Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"Cache-Control: no-store\r\n"
        f"Connection: close\r\n\r\n"
    )
    return head.encode() + body


NOT_IMPLEMENTED = _response(
    "Not Implemented",
    Code.UNSUPPORTED,
    "This version does not speak HTTP: send frames, or one JSON object per line.",
)
"""The whole answer to any request."""

SERVICE_UNAVAILABLE = _response(
    "Service Unavailable", Code.OVERLOADED, "The sidecar has no room for another connection."
)
"""The whole answer where there is no room for another connection."""
