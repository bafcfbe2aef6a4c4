"""Whether the process lives."""

from msgspec import UNSET

from protocol.codec import Addressee
from protocol.messages import Ping
from sidecar.dialects.http.forms import Fixed
from sidecar.dialects.http.request import HttpRequest
from sidecar.dialects.http.responses import whole
from sidecar.session import Incoming

NOBODY = Addressee(id=UNSET, wants_events=False)


def livez(request: HttpRequest) -> Incoming:
    """The process answers: that is all that is said, to everybody."""
    head = request.head
    response = whole(200, b"ok\n", kind="text/plain", closes=head.closes, is_head=head.method == "HEAD")
    return Incoming(asked=Ping(), addressee=NOBODY, form=Fixed(response), is_open=True)
