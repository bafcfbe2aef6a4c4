"""What becomes of a payload, as a value."""

from protocol.codec import decode_request
from protocol.errors import BadMessage, InvalidParameter, PayloadTooLarge, ProtocolError, UnknownAction
from protocol.messages import Request


def outcome(payload: bytes) -> Request | ProtocolError:
    """Return the request in a payload, or the error that it is refused with; any other exception is a failure."""
    try:
        return decode_request(payload)
    except (BadMessage, UnknownAction, InvalidParameter, PayloadTooLarge) as exc:
        return exc
