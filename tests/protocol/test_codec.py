"""Payloads to messages and back: every golden file, and any junk."""

from contextlib import suppress
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from protocol.codec import Addressee, decode_addressee, decode_reply, decode_request, encode
from protocol.errors import BadMessage, Code, ProtocolError, UnknownEvent
from protocol.messages import Delta, Error, Heartbeat, Ping, Request
from tests.protocol.outcomes import outcome
from tests.protocol.vectors import (
    BadRequest,
    GoodReply,
    GoodRequest,
    OtherReply,
    RefusedRequest,
    WrongTypes,
    cases,
    expand,
    load,
)

_KINDS = {
    "null": b"null",
    "boolean": b"true",
    "integer": b"1",
    "float": b"1.5",
    "string": b'"x"',
    "array": b"[]",
    "object": b"{}",
}


def _fields(message: bytes, lengths: dict[str, int]) -> tuple[dict[str, object], dict[str, int]]:
    """Return the fields of an encoded message: those that are not in `lengths`, and the lengths of those that are."""
    fields = msgspec.json.decode(message, type=dict[str, object])
    long = {name: fields.pop(name) for name in lengths}
    return fields, {name: len(value) for name, value in long.items() if isinstance(value, str | list)}


@cases(GoodRequest, "requests/good.json")
def test_good_requests_are_decoded_as_the_vectors_say(vector: GoodRequest) -> None:
    payload = expand(vector.payload)
    encoded = encode(decode_request(payload))
    assert _fields(encoded, vector.lengths) == (vector.fields, vector.lengths)
    if vector.pinned:
        assert encoded == payload


@cases(GoodRequest, "requests/good.json")
def test_the_addressee_of_a_good_request_is_the_one_that_it_names(vector: GoodRequest) -> None:
    payload = expand(vector.payload)
    request = decode_request(payload)
    is_control = vector.fields["action"] in ("cancel", "ticket", "ping")
    assert decode_addressee(payload) == Addressee(
        id=UNSET if request.id is None else request.id,
        wants_events=is_control or vector.fields.get("stream") is True,
        token=request.token,
    )


@cases(BadRequest, "requests/bad.json")
def test_bad_requests_are_refused_as_the_vectors_say(vector: BadRequest) -> None:
    payload = expand(vector.payload)
    with pytest.raises(ProtocolError) as caught:
        decode_request(payload)
    message = str(caught.value)
    assert caught.value.code == vector.code
    assert all(name in message for name in vector.names), message
    assert len(message) < 200
    assert message.isprintable()
    addressee = decode_addressee(payload)
    assert (None if addressee.id is UNSET else addressee.id) == vector.id
    assert addressee.wants_events == (vector.form == "events")


@cases(WrongTypes, "requests/types.json")
def test_a_wrong_type_is_a_bad_message_that_names_the_field(vector: WrongTypes) -> None:
    for field, kinds in vector.fields.items():
        for kind in kinds:
            payload = vector.start.encode() + b'"' + field.encode() + b'":' + _KINDS[kind] + b"}"
            with pytest.raises(BadMessage, match=f"`{field}`"):
                decode_request(payload)


def test_the_vectors_try_every_field_of_every_request() -> None:
    tried = {vector.name: vector.fields.keys() for vector in load("requests/types.json", WrongTypes)}
    kinds = {kind.__name__.lower(): set(kind.__struct_fields__) for kind in get_args(Request)}
    assert tried == kinds


@cases(RefusedRequest, "requests/refused.json")
def test_what_a_server_refuses_by_its_rules_can_be_decoded(vector: RefusedRequest) -> None:
    decode_request(expand(vector.payload))


@cases(GoodReply, "events/good.json", "answers/good.json")
def test_events_and_answers_are_decoded_as_the_vectors_say(vector: GoodReply) -> None:
    message = expand(vector.message)
    encoded = encode(decode_reply(message))
    assert _fields(encoded, vector.lengths) == (vector.fields, vector.lengths)
    if vector.pinned:
        assert encoded == message


@cases(OtherReply, "events/bad.json", "answers/bad.json")
def test_what_is_no_reply_is_refused(vector: OtherReply) -> None:
    with pytest.raises(BadMessage) as caught:
        decode_reply(expand(vector.message))
    assert not isinstance(caught.value, UnknownEvent)


@cases(OtherReply, "events/skipped.json")
def test_an_event_of_a_later_version_can_be_told_and_skipped(vector: OtherReply) -> None:
    with pytest.raises(UnknownEvent):
        decode_reply(expand(vector.message))


@given(st.binary() | st.binary().map(lambda junk: b"{" + junk))
def test_any_bytes_are_a_request_or_a_protocol_error(junk: bytes) -> None:
    outcome(junk)
    assert isinstance(decode_addressee(junk), Addressee)


# A megabyte takes its time, and teaches nothing more here.
_small_requests = st.sampled_from(
    [vector for vector in load("requests/good.json", GoodRequest) if len(expand(vector.payload)) < 65536]
)


@given(_small_requests, st.data())
def test_a_request_with_one_byte_changed_is_a_request_or_a_protocol_error(
    vector: GoodRequest, data: st.DataObject
) -> None:
    payload = bytearray(expand(vector.payload))
    payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    outcome(bytes(payload))
    decode_addressee(bytes(payload))


@given(_small_requests, st.data())
def test_a_truncated_request_is_refused_and_nobody_is_known_to_answer(vector: GoodRequest, data: st.DataObject) -> None:
    payload = expand(vector.payload).rstrip()
    truncated = payload[: data.draw(st.integers(0, len(payload) - 1))]
    # A value that is wrong so far may be named before the missing end.
    assert isinstance(outcome(truncated), ProtocolError)
    assert decode_addressee(truncated) == Addressee(id=UNSET, wants_events=False)


@given(st.binary())
def test_any_bytes_are_a_reply_or_a_bad_message(junk: bytes) -> None:
    for message in (junk, b'{"event":' + junk, b'{"success":true,' + junk):
        with suppress(BadMessage):
            decode_reply(message)


def test_an_id_is_absent_null_or_a_text() -> None:
    assert encode(Heartbeat()) == b'{"event":"ping"}'
    assert encode(Delta(id="1", seq=1, text="x")) == b'{"event":"delta","id":"1","seq":1,"text":"x"}'
    error = Error(id=None, code=Code.BAD_FRAME, message="x")
    assert encode(error) == b'{"event":"error","id":null,"code":"bad_frame","message":"x"}'
    assert decode_reply(encode(error)) == error


def test_ping_is_a_request_and_an_event() -> None:
    assert decode_request(b'{"action":"ping"}') == Ping()
    assert decode_reply(b'{"event":"ping"}') == Heartbeat()
