import msgspec
import pytest

from protocol.chat_completions import decode_completion
from protocol.errors import BadMessage, Code, InvalidParameter, ProtocolError
from protocol.messages import Complete, GivenTurn

ASKED = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def decode(**fields: object) -> Complete:
    return decode_completion(msgspec.json.encode(ASKED | fields))


def refusal(**fields: object) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        decode(**fields)
    return caught.value


def test_messages_are_taken_as_they_are() -> None:
    messages = [
        {"role": "developer", "content": " Be brief.\u202e"},
        {"role": "user", "content": "Hi", "name": "ana"},
        {"role": "assistant", "content": None, "tool_calls": [], "refusal": "no"},
        {"role": "user", "content": [{"type": "text", "text": "What "}, {"type": "text", "text": "is it?"}]},
    ]
    request = decode(messages=messages)
    assert request.turns == (
        GivenTurn(role="system", content=" Be brief.\u202e"),
        GivenTurn(role="user", content="Hi"),
        GivenTurn(role="assistant", content=""),
        GivenTurn(role="user", content="What is it?"),
    )
    assert request.content == "What is it?"
    assert "brief" not in repr(request) + repr(request.turns)


def test_what_is_served_is_taken() -> None:
    options = {"include_usage": True, "include_obfuscation": False}
    request = decode(stream=True, stream_options=options, max_tokens=5, max_completion_tokens=7, temperature=0)
    assert (request.model, request.stream, request.includes_usage) == ("m", True, True)
    assert (request.max_tokens, request.temperature) == (7, 0)
    assert decode(max_tokens=5).max_tokens == 5
    plain = decode(stream=None, stream_options=None, max_tokens=None, temperature=None, model=None)
    assert (plain.stream, plain.includes_usage, plain.max_tokens, plain.model) == (False, False, None, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 1),
        ("n", None),
        ("top_p", 1.0),
        ("frequency_penalty", 0),
        ("stop", None),
        ("stop", []),
        ("tools", []),
        ("tool_choice", "auto"),
        ("response_format", {"type": "text"}),
        ("logit_bias", {}),
        ("parallel_tool_calls", True),
        ("seed", None),
        ("user", "somebody"),
        ("metadata", {"a": "b"}),
        ("a_parameter_of_tomorrow", None),
    ],
)
def test_null_and_defaults_and_hints_are_ignored(name: str, value: object) -> None:
    assert decode(**{name: value}) == decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2),
        ("n", True),
        ("logprobs", 0),
        ("top_p", 0.5),
        ("tools", [{"type": "function", "function": {"name": "f"}}]),
        ("tool_choice", "required"),
        ("stop", ["\n"]),
        ("seed", 1),
        ("response_format", {"type": "json_object"}),
        ("logprobs", True),
        ("modalities", ["text", "audio"]),
        ("store", True),
        ("reasoning_effort", "low"),
        ("base_url", "http://127.0.0.1"),
    ],
)
def test_what_is_not_served_is_refused_by_its_name(name: str, value: object) -> None:
    error = refusal(**{name: value})
    assert isinstance(error, InvalidParameter)
    assert str(error) == f"`{name}` is not served here: leave it out."


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ({"role": "tool", "content": "4", "tool_call_id": "1"}, "messages[1].role"),
        ({"role": "function", "content": "4"}, "messages[1].role"),
        ({"role": "assistant", "tool_calls": [{"id": "1"}]}, "messages[1].tool_calls"),
        ({"role": "assistant", "audio": {"id": "1"}}, "messages[1].audio"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, "messages[1].content"),
        ({"role": "user", "content": [{"type": "text"}]}, "messages[1].content"),
    ],
)
def test_what_a_message_may_not_have_is_refused_by_its_name(message: dict[str, object], name: str) -> None:
    error = refusal(messages=[{"role": "user", "content": "Hi"}, message])
    assert isinstance(error, InvalidParameter)
    assert f"`{name}`" in str(error)


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b"x", b'{"messages":[],"model":"m"} {}', b'{"model":"m"}'])
def test_what_is_no_request_is_a_bad_message(payload: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode_completion(payload)
    assert caught.value.code in (Code.BAD_MESSAGE, Code.INVALID_PARAMETER)


def test_a_value_of_a_wrong_kind_is_named_and_not_repeated() -> None:
    error = refusal(messages=[{"role": "user", "content": 4711}])
    assert isinstance(error, BadMessage)
    assert "messages" in str(error)
    assert "4711" not in str(error)
    assert "`a????`" in str(refusal(**{"a`\n\x1b\u202e": 1}))


@pytest.mark.parametrize("fields", [{"messages": []}, {"temperature": 3}, {"max_tokens": 0}, {"stream": "yes"}])
def test_a_value_outside_its_limits_is_refused(fields: dict[str, object]) -> None:
    assert f"`{next(iter(fields))}`" in str(refusal(**fields))
