import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.providers._thoughts import MAX_CHARS, Thoughts


def drop(*texts: str, has_stopped: bool = False) -> str:
    thoughts = Thoughts()
    return "".join(thoughts.drop(text) for text in texts) + thoughts.end(has_stopped=has_stopped)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>hm</think>\n\nHi", "Hi"),
        ("\n <think>\nhm </thin </think>Hi</think>", "Hi</think>"),
        ("<think></think>Hi", "Hi"),
        ("<think>hm</think> \n", ""),
        ("<think>hm", ""),
        ("<think>hm</thin", ""),
        ("Hi <think>hm</think>", "Hi <think>hm</think>"),
        ("<thing>", "<thing>"),
        (" <th", " <th"),
        ("  Hi", "  Hi"),
        ("", ""),
    ],
)
def test_they_are_dropped_where_they_are_the_beginning(text: str, answer: str) -> None:
    assert drop(text) == answer
    assert drop(*text) == answer
    for cut in range(len(text)):
        assert drop(text[:cut], text[cut:]) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (" <think> is a tag that models write. Fine.", " <think> is a tag that models write. Fine."),
        ("<think>hm</thin", "<think>hm</thin"),
        ("<think>hm</think>", ""),
        ("<think>hm</think>Hi", "Hi"),
        ("<think>" + "x" * MAX_CHARS, ""),
    ],
    ids=["a tag as a word", "half a tag", "a thought alone", "a thought", "too long"],
)
def test_a_model_that_stops_in_what_it_never_closed_has_answered(text: str, answer: str) -> None:
    assert drop(text, has_stopped=True) == answer
    assert drop(text[:5], text[5:13], text[13:], has_stopped=True) == answer


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "think>", "</", "a", " ", "\n"])), st.data())
def test_the_cuts_change_nothing(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    for has_stopped in (False, True):
        assert drop(*pieces, has_stopped=has_stopped) == drop(text, has_stopped=has_stopped)


def test_blanks_are_not_kept_back_for_ever() -> None:
    blanks = " " * (MAX_CHARS // 2)
    assert drop(blanks, blanks, blanks, blanks) == blanks * 4


def test_once_the_answer_has_begun_they_are_over() -> None:
    thoughts = Thoughts()
    assert thoughts.drop("<think>hm</think>") == ""
    assert not thoughts.is_over
    assert thoughts.drop("Hi") == "Hi"
    assert thoughts.is_over
