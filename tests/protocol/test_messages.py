"""The messages: what their types promise, and what their reprs keep to themselves."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given

from protocol.codec import decode_reply, decode_request, encode
from protocol.messages import Answer, ClientMessage, Event, Failure, Handover, Request, Success, Turn, Usage
from tests.protocol.strategies import messages


@given(messages(Request))
def test_every_request_survives_the_round_trip(request: Request) -> None:
    assert decode_request(encode(request)) == request


@given(messages(Event | Answer))
def test_every_event_and_answer_survives_the_round_trip(message: Event | Answer) -> None:
    assert decode_reply(encode(message)) == message


@given(messages(Request | Event | Answer))
def test_no_payload_holds_a_line_feed_or_begins_otherwise_than_an_object(message: Request | Event | Answer) -> None:
    payload = encode(message)
    assert payload.startswith(b"{")
    assert b"\n" not in payload


@given(messages(Request))
def test_defaults_are_not_written(request: Request) -> None:
    fields = msgspec.json.decode(encode(request), type=dict[str, object])
    assert None not in fields.values()
    assert fields.pop("action") == type(request).__name__.lower()
    assert fields.keys() == {name for name in request.__struct_fields__ if getattr(request, name) is not None}


@pytest.mark.parametrize("kind", get_args(Request))
def test_the_repr_of_a_request_shows_its_id_only(kind: type[ClientMessage]) -> None:
    others = {name: "canary" for name in kind.__struct_fields__ if name != "id"}
    assert repr(kind(id="1", **others)) == f"{kind.__name__}(id='1')"


def test_the_repr_of_a_turn_does_not_show_its_text() -> None:
    assert repr(Turn(role="user", content="canary")) == "Turn(role='user')"


def test_the_repr_of_an_answer_does_not_show_its_text() -> None:
    assert repr(Success(success=True, data="canary", id="1")) == "Success(id='1')"
    assert "canary" not in repr(Failure(success=False, error="canary", code="internal", partial="canary"))


def test_the_repr_of_a_handover_does_not_show_its_ticket() -> None:
    assert repr(Handover(reply="r_1", ticket="canary")) == "Handover(reply='r_1')"


@pytest.mark.parametrize("kind", [*get_args(Request), *get_args(Event), *get_args(Answer), Turn, Usage])
def test_messages_cannot_be_changed(kind: type[msgspec.Struct]) -> None:
    assert kind.__struct_config__.frozen


@pytest.mark.parametrize("kind", [*get_args(Request), Turn])
def test_requests_forbid_unknown_fields(kind: type[msgspec.Struct]) -> None:
    assert kind.__struct_config__.forbid_unknown_fields


@pytest.mark.parametrize("kind", [*get_args(Event), *get_args(Answer), Usage])
def test_what_the_server_sends_may_get_new_fields(kind: type[msgspec.Struct]) -> None:
    assert not kind.__struct_config__.forbid_unknown_fields
