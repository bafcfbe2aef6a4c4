import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.observability import Redaction
from sidecar.observability.redaction import escape
from sidecar.secret import Secret

KEY = "k/9\"canary\\+~0123456789'abcdefghij"
redaction = Redaction([Secret(KEY)])


def test_a_secret_is_masked_wherever_it_stands() -> None:
    assert redaction.mask(f"<{KEY}> and {KEY}{KEY}") == "<***> and ***"


def test_a_text_without_a_secret_is_left() -> None:
    text = "request 4f3a chat ends: stop, 21+48 tokens"
    assert redaction.mask(text) == text
    assert Redaction().mask(text) == text


@pytest.mark.parametrize("start", range(len(KEY) - 11))
def test_twelve_characters_of_it_are_masked(start: int) -> None:
    assert redaction.mask(f"({KEY[start : start + 12]})") == "(***)"


def test_fewer_are_left() -> None:
    assert redaction.mask(KEY[:11]) == KEY[:11]


@pytest.mark.parametrize(
    "form",
    [
        quote(KEY, safe=""),
        quote(KEY),
        quote(KEY, safe="").replace("%2F", "%2f").replace("%2B", "%2b").replace("%5C", "%5c"),
        json.dumps(KEY)[1:-1],
        json.dumps(KEY)[1:-1].replace("/", "\\/"),
        repr(KEY)[1:-1],
    ],
)
def test_its_other_spellings_are_masked(form: str) -> None:
    masked = redaction.mask(f"({form})")
    assert "***" in masked
    assert all(form[start : start + 12] not in masked for start in range(len(form) - 11))


@given(st.binary(max_size=20), st.binary(max_size=20), st.booleans())
def test_its_base64_is_masked_among_any_neighbours(before: bytes, behind: bytes, is_for_urls: bool) -> None:
    encode = base64.urlsafe_b64encode if is_for_urls else base64.b64encode
    masked = redaction.mask(encode(before + KEY.encode() + behind).decode())
    start = (len(before) * 8 + 5) // 6
    whole = encode(before + KEY.encode() + behind).decode()[start : start + len(KEY) * 8 // 6 - 1]
    assert "***" in masked
    assert all(whole[at : at + 12] not in masked for at in range(len(whole) - 11))


def test_a_secret_of_eight_characters_is_masked_as_a_whole() -> None:
    short = Redaction([Secret("8letters")])
    assert short.mask("my8letters!") == "my***!"
    assert short.mask("8letter") == "8letter"


def test_a_shorter_one_is_a_word_and_left() -> None:
    assert Redaction([Secret("ollamas")]).mask("ollamas") == "ollamas"


def test_a_secret_that_comes_later_is_masked_from_then_on() -> None:
    late = Redaction()
    assert late.mask(KEY) == KEY
    late.add(Secret(KEY))
    late.add(Secret("another-canary"))
    assert late.mask(f"{KEY} another-canary") == "*** ***"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("key sk-proj_0123456789 used", "key *** used"),
        ("sk-1234567", "sk-1234567"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("authorization: bearer abc", "authorization: bearer ***"),
        ("a forbearer x", "a forbearer x"),
    ],
)
def test_what_looks_like_a_secret_is_masked_unknown(text: str, masked: str) -> None:
    assert redaction.mask(text) == masked


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a\nb\r\tc", "a\\x0ab\\x0d\\x09c"),
        ("\x1b[31m\x00\x7f", "\\x1b[31m\\x00\\x7f"),
        ("\x85\x9b", "\\x85\\x9b"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\u202e\u2066\u200f\u061c", "\\u202e\\u2066\\u200f\\u061c"),
        ("\ud800", "\\ud800"),
        ("Zürich 東京 🙂\xa0", "Zürich 東京 🙂\xa0"),
    ],
)
def test_what_could_forge_or_hide_a_line_is_escaped(text: str, escaped: str) -> None:
    assert escape(text) == escaped


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_what_is_escaped_is_one_line_that_can_be_encoded(text: str) -> None:
    assert len(escape(text).splitlines()) <= 1
    escape(text).encode()


def test_others_may_take_the_place_of_those_that_it_knows() -> None:
    changing = Redaction([Secret("first-0123456789"), Secret("second-0123456789")])
    changing.keep([Secret("third-0123456789")])
    assert changing.mask("first-0123456789 third-0123456789") == "first-0123456789 ***"
