import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.texts.split import split, take_bytes

# Any text, but mostly of what the rules look at.
texts = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from([". ", "。", "\n", "\r\n", "\n\n", "# Title\n", "Title\n=====\n"]),
        st.sampled_from(["x" * 90, "光" * 40, "👩‍👩‍👧", " "]),
    )
).map("".join)


@given(texts, st.integers(4, 200))
def test_the_parts_joined_are_the_text_again(text: str, max_bytes: int) -> None:
    assert "".join(split(text, max_bytes=max_bytes)) == text


@given(texts, st.integers(4, 200))
def test_every_part_fits_and_none_is_empty(text: str, max_bytes: int) -> None:
    for part in split(text, max_bytes=max_bytes):
        assert 1 <= len(part.encode()) <= max_bytes


@given(texts, st.integers(16, 200))
def test_no_part_but_the_last_is_much_smaller_than_it_could_be(text: str, max_bytes: int) -> None:
    for part in split(text, max_bytes=max_bytes)[:-1]:
        # In characters of a window of so many bytes at least half; a character has up to four bytes.
        assert len(part.encode()) >= max_bytes // 8


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One two three.\n\n# Second\nThree.", ["One two three.\n\n", "# Second\nThree."]),
        ("Chapter\n=======\nOne.\nNext one\n--------\nTwo.", ["Chapter\n=======\nOne.\n", "Next one\n--------\nTwo."]),
        ("A first one. And.\n\nA second one. And.", ["A first one. And.\n\n", "A second one. And."]),
        ("A first one, and more\nA second. One here.", ["A first one, and more\n", "A second. One here."]),
        ("It is a first one. It is a second one.", ["It is a first one. ", "It is a second one."]),
        ("这是第一句话。这是第二句", ["这是第一句话。", "这是第二句"]),
        ("one two three four five six seven", ["one two three four five six ", "seven"]),
        ("x" * 45, ["x" * 28, "x" * 17]),
    ],
    ids=["heading", "underlined heading", "paragraph", "line", "sentence", "Chinese", "word", "nothing"],
)
def test_it_is_cut_at_the_best_break_that_there_is(text: str, parts: list[str]) -> None:
    assert split(text, max_bytes=28) == parts


def test_a_text_that_fits_is_one_part_and_nothing_is_none() -> None:
    assert split("Short.", max_bytes=6) == ["Short."]
    assert split("", max_bytes=6) == []


@pytest.mark.parametrize("letter", ["a", "é ", "光", "\n", "# \n", ". ", "a\n\n", ".", "…", ".)"], ids=ascii)
def test_the_largest_text_is_split_in_a_moment(letter: str) -> None:
    text = letter * (5_000_000 // len(letter.encode()))
    began = time.process_time()
    parts = split(text, max_bytes=40_000)
    assert time.process_time() - began < 2
    assert "".join(parts) == text


@given(st.text(), st.integers(4, 40))
def test_the_beginning_of_a_text_is_the_longest_that_fits(text: str, max_bytes: int) -> None:
    beginning = take_bytes(text, max_bytes)
    assert text.startswith(beginning)
    assert len(beginning.encode()) <= max_bytes
    if beginning != text:
        assert len(text[: len(beginning) + 1].encode()) > max_bytes
