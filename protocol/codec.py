"""Payloads to messages and back: the only place that encodes or decodes. SPEC.md, sections 3 to 6."""

import re
from typing import NamedTuple, get_args

import msgspec
from msgspec import UNSET, Struct, UnsetType

from protocol.errors import BadMessage, InvalidParameter, PayloadTooLarge, ProtocolError, UnknownAction, UnknownEvent
from protocol.messages import (
    Analyze,
    Answer,
    Chat,
    Event,
    Failure,
    Generate,
    Id,
    Request,
    Success,
    Summarize,
    Ticket,
)

# msgspec raises the last two beside its own.
DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# What the system that this one replaces answers; its clients compare the text.
NOT_JSON = "Invalid JSON request"

_EVENTS = frozenset(event.__struct_config__.tag for event in get_args(Event))

_CONTROL_ACTIONS = frozenset({"cancel", "ticket", "ping"})


class _Envelope(msgspec.Struct):
    """What is needed to answer a request whose other fields do not decode."""

    id: msgspec.Raw = msgspec.Raw(b"null")
    action: msgspec.Raw = msgspec.Raw(b"null")
    stream: msgspec.Raw = msgspec.Raw(b"null")
    token: msgspec.Raw = msgspec.Raw(b"null")


class _ServerShape(msgspec.Struct):
    """Tells an event from an answer."""

    event: str | None = None
    success: bool | None = None


class Addressee(NamedTuple):
    """To which request an answer belongs, whether it is given as events, and the token that came with it."""

    id: str | UnsetType | None
    wants_events: bool
    token: str | None = None

    def __repr__(self) -> str:
        return f"Addressee(id={self.id!r}, wants_events={self.wants_events})"


# The annotations are for mypy: it takes a union in brackets for an object.
_request_decoder: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_generate_decoders: dict[type[Generate], msgspec.json.Decoder[Generate]] = {
    kind: msgspec.json.Decoder(kind) for kind in (Chat, Summarize, Analyze)
}
_object_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_envelope_decoder = msgspec.json.Decoder(_Envelope)
_id_decoder = msgspec.json.Decoder(Id)
_text_decoder = msgspec.json.Decoder(str)
_event_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_success_decoder = msgspec.json.Decoder(Success)
_failure_decoder = msgspec.json.Decoder(Failure)
_shape_decoder = msgspec.json.Decoder(_ServerShape)
_encoder = msgspec.json.Encoder()


def encode(message: Struct) -> bytes:
    """Return `message` as one JSON object, without a line feed."""
    return _encoder.encode(message)


def decode_request(payload: bytes) -> Request:
    """Return the request in `payload`.

    Raises:
        BadMessage: no JSON object, a wrong type, a missing or unknown field, characters that an identifier has not,
            a number beyond what can be read, two actions in one object.
        UnknownAction: `action` is none of ours.
        InvalidParameter: a number, a length or a word outside its limits.
        PayloadTooLarge: more turns in `history` than 256.
    """
    if not payload.startswith(b"{"):
        raise BadMessage(NOT_JSON)
    try:
        return _request_decoder.decode(payload)
    except DECODE_ERRORS as exc:
        raise explain(exc) from None  # the library's text may quote the person's


def decode_generate(payload: bytes, kind: type[Generate]) -> Generate:
    """Return the request of this kind in `payload`, whose `action` may be missing.

    Raises: as `decode_request`; BadMessage where there is another `action`.
    """
    if not payload.startswith(b"{"):
        raise BadMessage(NOT_JSON)
    try:
        return _generate_decoders[kind].decode(payload)
    except DECODE_ERRORS as exc:
        error = explain(exc)
        if isinstance(error, UnknownAction):
            error = BadMessage("`action` is another one than the path says: leave it out.")
        raise error from None  # as above


def decode_ticket(payload: bytes, reply: str) -> Ticket:
    """Return the request for a ticket for `reply`, whose other fields are in `payload`.

    Raises: as `decode_request`; BadMessage where `action` or `reply` is there and says otherwise.
    """
    try:
        fields = _object_decoder.decode(payload)
    except DECODE_ERRORS:
        raise BadMessage(NOT_JSON) from None  # as above
    ours = {"action": msgspec.Raw(b'"ticket"'), "reply": msgspec.Raw(_encoder.encode(reply))}
    for name, value in ours.items():
        if bytes(fields.get(name, value)) != bytes(value):
            raise BadMessage(f"`{name}` is another one than the path says: leave it out.")
    request = decode_request(_encoder.encode(fields | ours))
    assert isinstance(request, Ticket)  # noqa: S101 - by its action
    return request


def is_object(payload: bytes) -> bool:
    """Whether `payload` is a JSON object, whatever is in it."""
    try:
        _object_decoder.decode(payload)
    except DECODE_ERRORS:
        return False
    return payload.startswith(b"{")


def decode_addressee(payload: bytes) -> Addressee:
    """Return what can be told of a request that `decode_request` refused: its id, if that is valid, and its form."""
    unknown = Addressee(id=UNSET, wants_events=False)
    if not payload.startswith(b"{"):
        return unknown
    try:
        envelope = _envelope_decoder.decode(payload)
    except DECODE_ERRORS:
        return unknown
    request_id = _try(_id_decoder, envelope.id)
    return Addressee(
        id=UNSET if request_id is None else request_id,
        wants_events=bytes(envelope.stream) == b"true" or _try(_text_decoder, envelope.action) in _CONTROL_ACTIONS,
        token=_try(_text_decoder, envelope.token),
    )


def _try(decoder: msgspec.json.Decoder[str], value: msgspec.Raw) -> str | None:
    try:
        return decoder.decode(value)
    except DECODE_ERRORS:
        return None


def decode_reply(payload: bytes) -> Event | Answer:
    """Return the event or the plain answer that a server sent.

    Raises:
        UnknownEvent: it is an event of a later version, to be skipped.
        BadMessage: it is neither.
    """
    try:
        shape = _shape_decoder.decode(payload)
        if shape.event is not None and shape.event not in _EVENTS:
            raise UnknownEvent("This version does not know that event.")
        if shape.success is None:
            return _event_decoder.decode(payload)
        return _success_decoder.decode(payload) if shape.success else _failure_decoder.decode(payload)
    except DECODE_ERRORS:
        raise BadMessage("This is neither an event nor an answer of the protocol.") from None  # as above


# Texts, which `re` compiles for the first wrong request.
_AT = r" - at `\$\.?(?P<path>[^`]*)`\Z"
_UNKNOWN_FIELD = r"(?s)\AObject contains unknown field `(?P<name>.*)`\Z"
_MISSING_FIELD = r"\AObject missing required field `(?P<name>\w+)`\Z"
# An action of ours can only be wrong where another one stands before it.
_SECOND_ACTIONS = frozenset(f"Invalid value '{message.__struct_config__.tag}'" for message in get_args(Request))


def explain(exc: Exception) -> ProtocolError:
    """Translate msgspec's error. Its text is ours to read, and not to pass on where it quotes what was sent."""
    if not isinstance(exc, msgspec.ValidationError):
        return BadMessage(NOT_JSON)
    text = str(exc)
    at = re.search(_AT, text)
    path, reason = (at["path"], text[: at.start()]) if at else ("", text)
    # First, because the name is the peer's own: it may look like the end of another reason.
    if unknown := re.match(_UNKNOWN_FIELD, reason):
        return BadMessage(f"Unknown field `{_in(path)}{_printable(unknown['name'])}`.")
    if reason in _SECOND_ACTIONS and path == "action":
        return BadMessage("`action` stands there twice, with different values.")
    if path == "action" or (not path and reason.endswith("`action`")):
        return UnknownAction("`action` must be chat, summarize, analyze, cancel, resume, ticket, ping or selftest.")
    if missing := re.match(_MISSING_FIELD, reason):
        return BadMessage(f"The field `{_in(path)}{missing['name']}` is missing.")
    return _explain_value(path, reason)


def _explain_value(path: str, reason: str) -> ProtocolError:
    if path == "history" and reason.startswith("Expected `array` of length"):
        return PayloadTooLarge(f"`history`: {_lower(reason)}.")
    if reason.startswith("Invalid enum value"):
        return InvalidParameter(f"`{path}` is none of the words that are allowed there.")
    if reason.endswith("out of range"):
        return BadMessage(f"`{path}` is a number that cannot be read: too many digits, or too large an exponent.")
    if "matching regex" in reason:
        return BadMessage(f"`{path}` has characters or a length that are not allowed there.")
    if "got `" in reason:
        return BadMessage(f"`{path}`: {_lower(reason)}." if path else NOT_JSON)
    return InvalidParameter(f"`{path}`: {_lower(reason)}.")


def _in(path: str) -> str:
    return f"{path}." if path else ""


def _lower(reason: str) -> str:
    return reason[0].lower() + reason[1:].replace("`", "")


def _printable(name: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() and c != "`" else "?" for c in name[:64])
