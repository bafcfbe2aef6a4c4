import pytest

from protocol.codec import decode_reply
from protocol.errors import Code
from protocol.messages import Failure
from sidecar.dialects.http import NOT_IMPLEMENTED, SERVICE_UNAVAILABLE


@pytest.mark.parametrize(
    ("response", "status", "code"),
    [
        (NOT_IMPLEMENTED, b"HTTP/1.1 501 Not Implemented", Code.UNSUPPORTED),
        (SERVICE_UNAVAILABLE, b"HTTP/1.1 503 Service Unavailable", Code.OVERLOADED),
    ],
)
def test_a_response_is_whole_and_says_what_is_wrong(response: bytes, status: bytes, code: Code) -> None:
    head, _, body = response.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    assert first == status
    assert dict(field.split(b": ") for field in fields) == {
        b"Content-Type": b"application/json",
        b"Content-Length": str(len(body)).encode(),
        b"Cache-Control": b"no-store",
        b"Connection": b"close",
    }
    failure = decode_reply(body)
    assert isinstance(failure, Failure)
    assert failure.code == code
