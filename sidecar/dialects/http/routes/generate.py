"""`POST /ai`, and the same for each action: a request in JSON; a plain answer, or server-sent events."""

from msgspec.structs import replace

from protocol import codec
from protocol.codec import Addressee
from protocol.errors import InvalidParameter, ProtocolError
from protocol.messages import Analyze, Beginning, Cancel, Chat, Generate, Request, Resume, Summarize
from sidecar.dialects.http.forms import EVENT_STREAM, EventStreamForm, JsonForm
from sidecar.dialects.http.request import HttpRequest
from sidecar.session import Form, Incoming, address


def ai(request: HttpRequest) -> Incoming:
    """As the old system had it: whatever can be read as a JSON object is answered with the status 200.

    Its client takes any other for leave to ask, and pay, again by another way.
    """
    try:
        asked = codec.decode_request(request.json)
        if isinstance(asked, Cancel) and asked.reply is None:
            raise InvalidParameter("By HTTP a `cancel` names a `reply`: to cancel a request, close its connection.")
    except ProtocolError as exc:
        return _rejected(request, exc, always_ok=codec.is_object(request.json))
    return _understood(request, asked, always_ok=True)


def chat(request: HttpRequest) -> Incoming:
    return _generate(request, Chat)


def summarize(request: HttpRequest) -> Incoming:
    return _generate(request, Summarize)


def analyze(request: HttpRequest) -> Incoming:
    return _generate(request, Analyze)


def _generate(request: HttpRequest, kind: type[Generate]) -> Incoming:
    try:
        asked = codec.decode_generate(request.json, kind)
    except ProtocolError as exc:
        return _rejected(request, exc)
    return _understood(request, asked)


def _understood(request: HttpRequest, asked: Request | Beginning, *, always_ok: bool = False) -> Incoming:
    if isinstance(asked, Beginning | Resume) and asked.stream is None and request.accepts(EVENT_STREAM):
        asked = replace(asked, stream=True)
    is_stream = isinstance(asked, Beginning | Resume) and bool(asked.stream)
    form: Form = (EventStreamForm if is_stream else JsonForm)(request.head, always_ok=always_ok)
    return Incoming(asked=asked, addressee=address(asked)._replace(token=request.token), form=form)


def _rejected(request: HttpRequest, error: ProtocolError, *, always_ok: bool = False) -> Incoming:
    request_id = codec.decode_addressee(request.json).id
    addressee = Addressee(id=request_id, wants_events=False, token=request.token)
    return Incoming(asked=error, addressee=addressee, form=JsonForm(request.head, always_ok=always_ok))
