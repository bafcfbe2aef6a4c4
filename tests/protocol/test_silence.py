"""No error of the protocol tells what somebody wrote: a canary in every kind of error is looked for in its message."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import decode_addressee, decode_reply
from protocol.errors import BadMessage, ProtocolError
from protocol.messages import Request
from tests.protocol.outcomes import outcome
from tests.protocol.strategies import field_names, json_values

_CANARY = "Kanarienvogel"
_CANARY_NUMBER = 8675309


def _canaries() -> list[bytes]:
    """Return a message for every kind of error, each with the canary as the value that is wrong."""
    text, number = f'"{_CANARY}"', str(_CANARY_NUMBER)
    start, control = '{"action":"chat","content":"x",', f'"{_CANARY}\\u0000"'
    fields = {
        "id": control,
        "token": f'"{_CANARY * 50}"',
        "history": text,
        "instructions": f'"{_CANARY * 400}"',
        "user_id": control,
        "course_id": f"{number}.5",
        "model": f'"{_CANARY} {_CANARY}"',
        "max_tokens": f"-{number}",
        "temperature": number,
        "language": f'"{_CANARY}!"',
        "stream": text,
        "detach": number,
        "ticket": f'["{_CANARY}"]',
        "key": f'"{_CANARY}/"',
        "context": f'{{"x":"{_CANARY}"}}',
        "unknown": text,
    }
    broken = [
        f'{{"action":"{_CANARY}"}}',
        f'{{"action":["{_CANARY}"]}}',
        f'{{"action":"chat","action":"{_CANARY}"}}',
        f'{{"action":"chat","content":["{_CANARY}"]}}',
        f'{{"action":"chat","content":"{_CANARY}","stream":1}}',
        f'{{"action":"chat","content":"{_CANARY}"',
        f'{{"action":"chat","content":"{_CANARY}\\ud800"}}',
        f'{{"action":"chat","content":"{_CANARY}"}}{_CANARY}',
        f'{{"action":"chat","content":{_CANARY}}}',
        f'["{_CANARY}"]',
        _CANARY,
        f'{start}"history":[{{"role":"{_CANARY}","content":"x"}}]}}',
        f'{start}"history":[{{"role":"user","content":["{_CANARY}"]}}]}}',
        f'{start}"history":["{_CANARY}"]}}',
        f'{start}"temperature":{number}e400}}',
        f'{start}"max_tokens":{number * 1000}}}',
        f'{{"action":"resume","reply":"{_CANARY} "}}',
        f'{{"action":"resume","reply":"r","after":-{number}}}',
        f'{{"action":"summarize","content":"x","length":"{_CANARY}"}}',
        f'{{"action":"summarize","content":"x","style":"{_CANARY}"}}',
        f'{{"action":"analyze","content":"x","format":"{_CANARY}"}}',
    ]
    made = [f'{start}"{field}":{value}}}' for field, value in fields.items()]
    return [
        *(payload.encode() for payload in broken + made),
        f'{{"action":"chat","content":"{_CANARY}'.encode() + b'\xff"}',
        b'{"action":"chat","content":"x","' + _CANARY.encode() + b'\xff":1}',
    ]


@pytest.mark.parametrize("payload", _canaries())
def test_no_error_repeats_a_value_that_was_sent(payload: bytes) -> None:
    error = outcome(payload)
    assert isinstance(error, ProtocolError)
    _check_silence(error)


def _check_silence(error: ProtocolError) -> None:
    assert _CANARY not in str(error)
    assert str(_CANARY_NUMBER) not in str(error)
    # Else a traceback in the log would print the library's own error.
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


_words = st.just(_CANARY) | st.sampled_from(["chat", "summarize", "user", "role", "content"]) | st.text(max_size=5)


@given(
    st.sampled_from(["chat", "summarize", "analyze", "cancel", "resume", "ticket", "ping"]),
    st.dictionaries(st.sampled_from(field_names(Request)), json_values(text=_words, names=st.text(max_size=5))),
)
def test_no_error_repeats_a_value_whatever_the_object(action: str, fields: dict[str, object]) -> None:
    result = outcome(msgspec.json.encode({"action": action, **fields}))
    if isinstance(result, ProtocolError):
        _check_silence(result)


def test_a_refused_reply_does_not_quote_the_model() -> None:
    with pytest.raises(BadMessage) as caught:
        decode_reply(b'{"event":"' + _CANARY.encode() + b'"}')
    _check_silence(caught.value)


def test_the_repr_of_an_addressee_does_not_show_the_token() -> None:
    addressee = decode_addressee(b'{"action":"chat","id":"1","token":"' + _CANARY.encode() + b'"}')
    assert addressee.token == _CANARY
    assert _CANARY not in repr(addressee)


@pytest.mark.parametrize("token", [b"null", b"1", b'"\\ud800"', b'["x"]'])
def test_a_token_that_is_no_text_is_none(token: bytes) -> None:
    assert decode_addressee(b'{"action":"chat","token":' + token + b"}").token is None
