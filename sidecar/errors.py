"""What we tell a client when a request cannot be served: a class per code, each message a sentence with its values.

No message holds a secret or what a person wrote. The codes are those of protocol/errors.py.
"""

from protocol.errors import Code


class SidecarError(Exception):
    """A request ends with `code` and `str(self)`; `retry_after` in seconds, where waiting helps."""

    code = Code.INTERNAL

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    def untraced(self) -> "SidecarError":
        """Return the same error as if nobody had raised it, to be kept: a traceback keeps texts and keys alive."""
        return type(self)(str(self), retry_after=self.retry_after)


class InvalidParameter(SidecarError):
    code = Code.INVALID_PARAMETER


class ContextTooLong(SidecarError):
    code = Code.CONTEXT_TOO_LONG


class DuplicateId(SidecarError):
    code = Code.DUPLICATE_ID


class Unauthorized(SidecarError):
    code = Code.UNAUTHORIZED


class Forbidden(SidecarError):
    code = Code.FORBIDDEN


class NotFound(SidecarError):
    code = Code.NOT_FOUND


class TooLarge(SidecarError):
    code = Code.TOO_LARGE


class Cancelled(SidecarError):
    code = Code.CANCELLED


class Unsupported(SidecarError):
    code = Code.UNSUPPORTED


class RateLimited(SidecarError):
    code = Code.RATE_LIMITED


class UpstreamRateLimited(SidecarError):
    code = Code.UPSTREAM_RATE_LIMITED


class UpstreamDns(SidecarError):
    code = Code.UPSTREAM_DNS


class UpstreamConnect(SidecarError):
    code = Code.UPSTREAM_CONNECT


class UpstreamTls(SidecarError):
    code = Code.UPSTREAM_TLS


class UpstreamAuth(SidecarError):
    code = Code.UPSTREAM_AUTH


class UpstreamBadRequest(SidecarError):
    code = Code.UPSTREAM_BAD_REQUEST


class UpstreamNotFound(UpstreamBadRequest):
    """The provider does not know the model or the address: another provider may."""


class UpstreamProtocol(SidecarError):
    code = Code.UPSTREAM_PROTOCOL


class UpstreamError(SidecarError):
    code = Code.UPSTREAM_ERROR


class Truncated(SidecarError):
    code = Code.TRUNCATED


class Overloaded(SidecarError):
    code = Code.OVERLOADED


class Draining(SidecarError):
    code = Code.DRAINING


class NotConfigured(SidecarError):
    code = Code.NOT_CONFIGURED


class TimeoutConnect(SidecarError):
    code = Code.TIMEOUT_CONNECT


class TimeoutFirstToken(SidecarError):
    code = Code.TIMEOUT_FIRST_TOKEN


class TimeoutIdle(SidecarError):
    code = Code.TIMEOUT_IDLE


class TimeoutTotal(SidecarError):
    code = Code.TIMEOUT_TOTAL
