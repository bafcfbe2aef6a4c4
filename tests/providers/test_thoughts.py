import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.providers._thoughts import Thoughts


def drop(*texts: str) -> str:
    thoughts = Thoughts()
    return "".join(thoughts.drop(text) for text in texts) + thoughts.end()


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


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "think>", "</", "a", " ", "\n"])), st.data())
def test_the_cuts_change_nothing(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert drop(*pieces) == drop(text)


def test_once_the_answer_has_begun_they_are_over() -> None:
    thoughts = Thoughts()
    assert thoughts.drop("<think>hm</think>") == ""
    assert not thoughts.is_over
    assert thoughts.drop("Hi") == "Hi"
    assert thoughts.is_over
