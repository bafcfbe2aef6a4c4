"""The closed set of error codes, and what the protocol raises when a peer errs. SPEC.md, section 6."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Code(StrEnum):
    """Every `code` that an error on the wire can carry; clients may branch on it."""

    BAD_FRAME = "bad_frame"
    BAD_MESSAGE = "bad_message"
    UNKNOWN_ACTION = "unknown_action"
    INVALID_PARAMETER = "invalid_parameter"
    DUPLICATE_ID = "duplicate_id"
    CONTEXT_TOO_LONG = "context_too_long"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    UPSTREAM_RATE_LIMITED = "upstream_rate_limited"
    CANCELLED = "cancelled"
    UNSUPPORTED = "unsupported"
    UPSTREAM_DNS = "upstream_dns"
    UPSTREAM_CONNECT = "upstream_connect"
    UPSTREAM_TLS = "upstream_tls"
    UPSTREAM_AUTH = "upstream_auth"
    UPSTREAM_BAD_REQUEST = "upstream_bad_request"
    UPSTREAM_PROTOCOL = "upstream_protocol"
    UPSTREAM_ERROR = "upstream_error"
    TRUNCATED = "truncated"
    OVERLOADED = "overloaded"
    DRAINING = "draining"
    NOT_CONFIGURED = "not_configured"
    TIMEOUT_CONNECT = "timeout_connect"
    TIMEOUT_FIRST_TOKEN = "timeout_first_token"  # noqa: S105 (a time limit, no secret)
    TIMEOUT_IDLE = "timeout_idle"
    TIMEOUT_TOTAL = "timeout_total"
    INTERNAL = "internal"


STATUS: Mapping[Code, int] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                Code.BAD_FRAME,
                Code.BAD_MESSAGE,
                Code.UNKNOWN_ACTION,
                Code.INVALID_PARAMETER,
                Code.DUPLICATE_ID,
                Code.CONTEXT_TOO_LONG,
            ),
            400,
        ),
        Code.UNAUTHORIZED: 401,
        Code.FORBIDDEN: 403,
        Code.NOT_FOUND: 404,
        Code.TOO_LARGE: 413,
        Code.RATE_LIMITED: 429,
        Code.UPSTREAM_RATE_LIMITED: 429,
        Code.CANCELLED: 499,
        Code.UNSUPPORTED: 501,
        **dict.fromkeys(
            (
                Code.UPSTREAM_DNS,
                Code.UPSTREAM_CONNECT,
                Code.UPSTREAM_TLS,
                Code.UPSTREAM_AUTH,
                Code.UPSTREAM_BAD_REQUEST,
                Code.UPSTREAM_PROTOCOL,
                Code.UPSTREAM_ERROR,
                Code.TRUNCATED,
            ),
            502,
        ),
        **dict.fromkeys((Code.OVERLOADED, Code.DRAINING, Code.NOT_CONFIGURED), 503),
        **dict.fromkeys((Code.TIMEOUT_CONNECT, Code.TIMEOUT_FIRST_TOKEN, Code.TIMEOUT_IDLE, Code.TIMEOUT_TOTAL), 504),
        Code.INTERNAL: 500,
    }
)
"""The HTTP status of each code, also outside HTTP: Moodle's AI subsystem thinks in these numbers."""


class ProtocolError(Exception):
    """The peer sent something that the protocol does not allow; `str()` is a sentence that may be sent to it."""

    code = Code.BAD_MESSAGE


class BadFrame(ProtocolError):
    """The bytes are no frame; where the next one would begin cannot be known, so the connection ends."""

    code = Code.BAD_FRAME


class PayloadTooLarge(ProtocolError):
    """A payload is larger than the decoder allows; raised on its header, or as soon as a line is too long."""

    code = Code.TOO_LARGE


class BadMessage(ProtocolError):
    """A payload is no message: no JSON object, a wrong type, a missing or unknown field."""


class UnknownEvent(BadMessage):
    """An event that this version does not know. A later server may send it, and a client skips it."""


class UnknownAction(ProtocolError):
    """The request's `action` is none of ours."""

    code = Code.UNKNOWN_ACTION


class InvalidParameter(ProtocolError):
    """A field of the right type has a value outside its limits."""

    code = Code.INVALID_PARAMETER
