import re

from hypothesis import given
from hypothesis import strategies as st

from sidecar.actions._fence import fence, new_marker, strip_invisible

MARKER = "material_0123456789abcdef"
INVISIBLE = re.compile("[\U000e0000-\U000e007f\u202a-\u202e\u2066-\u2069]")

# Any text, but often one that holds the marker, pieces of it, or what is to be stripped.
hostile_texts = st.lists(
    st.one_of(
        st.text(),
        st.sampled_from(
            [MARKER, MARKER[:9], MARKER[9:], f"</{MARKER}>", "\u202e", "\u2066", "\U000e0041", "\U000e007f"]
        ),
    )
).map("".join)


@given(hostile_texts)
def test_the_marker_is_never_inside_the_fence(text: str) -> None:
    lines = fence(strip_invisible(text), MARKER).removeprefix(f"<{MARKER}>\n").removesuffix(f"\n</{MARKER}>")
    assert MARKER not in lines


@given(st.text(alphabet="ab"), st.text(alphabet="ab", min_size=1))
def test_removing_a_marker_never_makes_another_one(text: str, marker: str) -> None:
    assert marker not in fence(strip_invisible(text), marker).splitlines()[1:-1]


@given(st.text())
def test_text_without_marker_and_invisible_characters_is_kept_as_it_is(text: str) -> None:
    kept = INVISIBLE.sub("", text)
    assert fence(strip_invisible(kept), MARKER) == f"<{MARKER}>\n{kept}\n</{MARKER}>"


@given(hostile_texts)
def test_exactly_the_invisible_characters_are_stripped(text: str) -> None:
    assert strip_invisible(text) == INVISIBLE.sub("", text)


def test_every_tag_character_and_bidi_control_is_stripped() -> None:
    for code in (*range(0xE0000, 0xE0080), *range(0x202A, 0x202F), *range(0x2066, 0x206A)):
        assert strip_invisible(f"a{chr(code)}b") == "ab"


def test_their_neighbours_stay() -> None:
    neighbours = "\u200e\u200f\u2029\u202f\u2065\u206a\U000dffff\U000e0080\U000e0100"
    assert strip_invisible(neighbours) == neighbours


def test_ascii_text_is_not_even_copied() -> None:
    text = "plain text"
    assert strip_invisible(text) is text


def test_a_marker_is_one_word_and_new_each_time() -> None:
    markers = [new_marker() for _ in range(100)]
    assert len(set(markers)) == 100
    assert all(re.fullmatch(r"material_[0-9a-f]{16}", marker) for marker in markers)
