"""`/replies`: begin a reply and go, tickets for it, its end; and for the web server, what a ticket opens."""

import re
from collections.abc import Sequence
from functools import partial

from msgspec import UNSET
from msgspec.structs import replace

from protocol import codec
from protocol.codec import Addressee
from protocol.errors import InvalidParameter, ProtocolError, UnknownAction
from protocol.messages import Answer, Beginning, Cancel, Done, Event, Handover, Request, Start
from sidecar.dialects.http.forms import EventStreamForm, JsonForm
from sidecar.dialects.http.request import HttpRequest
from sidecar.dialects.http.responses import head
from sidecar.session import Errand, Form, Incoming, address, serve_start, serve_ticket

# As many digits as the largest number that a `seq` may be.
_EVENT_ID = re.compile(r"[0-9]{1,16}")


class HandoverForm(JsonForm):
    """The names of a reply and of its ticket, or of the ticket alone."""

    def encode(self, messages: Sequence[Event | Answer]) -> bytes:
        (message,) = messages
        if isinstance(message, Start):
            names = Handover(reply=message.reply, ticket=message.ticket, expires_in=message.expires_in)
        elif isinstance(message, Done):
            names = Handover(ticket=message.ticket, expires_in=message.expires_in)
        else:
            return super().encode(messages)
        return self._whole(201, names, {})


class GoneForm(JsonForm):
    """Nothing, where nothing went wrong."""

    def encode(self, messages: Sequence[Event | Answer]) -> bytes:
        if isinstance(messages[0], Done):
            return head(204, {}, closes=self._request.closes)
        return super().encode(messages)


def start(request: HttpRequest) -> Incoming:
    """`POST /replies`: begin a detached reply. `stream` means nothing; `detach` and `ticket` go without saying."""
    try:
        asked = codec.decode_request(request.json)
        if not isinstance(asked, Beginning):
            raise UnknownAction("`action` must be chat, summarize, analyze or selftest here.")
        if asked.detach is False:
            raise InvalidParameter("What is begun here is detached: leave `detach` out.")
    except ProtocolError as exc:
        return _rejected(request, exc)
    asked = replace(asked, detach=True, stream=True, ticket=asked.ticket is not False)
    errand = Errand(type(asked).__name__.lower(), partial(serve_start, asked))
    # The answer is plain, though what is asked for is a stream: it is for whoever has the ticket.
    addressee = Addressee(id=address(asked).id, wants_events=False, token=request.token)
    return Incoming(asked=errand, addressee=addressee, form=HandoverForm(request.head))


def ticket(request: HttpRequest) -> Incoming:
    """`POST /replies/<reply>/tickets`: a ticket for it; `after` and `user_id` may be in the body, or there is none."""
    try:
        asked = codec.decode_ticket(request.json or b"{}", request.parameters["reply"])
    except ProtocolError as exc:
        return _rejected(request, exc)
    return _plain(request, asked, HandoverForm(request.head))


def cancel(request: HttpRequest) -> Incoming:
    """`DELETE /replies/<reply>`: end it."""
    return _plain(request, Cancel(reply=request.parameters["reply"]), GoneForm(request.head))


def read(request: HttpRequest) -> Incoming:
    """`GET /replies/<ticket>` on the web server's socket: the reply as server-sent events."""
    addressee = Addressee(id=UNSET, wants_events=True)
    form = EventStreamForm(request.head)
    last = request.head.fields.get("last-event-id") or None
    if last is not None and not _EVENT_ID.fullmatch(last):
        error = InvalidParameter("`Last-Event-ID` is the number of a delta.")
        return Incoming(asked=error, addressee=addressee, form=form)
    after = None if last is None else int(last)
    errand = Errand("read", partial(serve_ticket, request.parameters["ticket"], after))
    return Incoming(asked=errand, addressee=addressee, form=form)


def _plain(request: HttpRequest, asked: Request, form: Form) -> Incoming:
    addressee = Addressee(id=address(asked).id, wants_events=True, token=request.token)
    return Incoming(asked=asked, addressee=addressee, form=form)


def _rejected(request: HttpRequest, error: ProtocolError) -> Incoming:
    addressee = Addressee(id=UNSET, wants_events=False, token=request.token)
    return Incoming(asked=error, addressee=addressee, form=JsonForm(request.head))
