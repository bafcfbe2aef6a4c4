import pytest

from protocol.messages import Chat, Turn
from sidecar.actions import Rules, render
from sidecar.errors import TooLarge
from sidecar.providers.interface import Message, Prompt
from tests.rules import make_rules

RULES = make_rules("test")
HISTORY = (Turn(role="user", content="Hi"), Turn(role="assistant", content="Hello"))


def send(request: Chat, rules: Rules = RULES) -> Prompt:
    return render(request, rules, marker="material_00")


def test_a_question_alone_is_sent_as_it_is() -> None:
    assert send(Chat(content=" What is a prime? ")).messages == (Message("user", " What is a prime? "),)


def test_the_history_comes_first_then_the_fenced_context_then_the_question() -> None:
    prompt = send(Chat(content="And now?", context="A page.", history=HISTORY))
    assert prompt.messages == (
        Message("user", "Hi"),
        Message("assistant", "Hello"),
        Message("user", "<material_00>\nA page.\n</material_00>\n\nAnd now?"),
    )


def test_the_subject_is_the_context_or_else_the_question() -> None:
    assert send(Chat(content="Why?", context="A page.")).subject == "A page."
    assert send(Chat(content="Why?", context=" ")).subject == "Why?"


def test_a_blank_context_is_not_fenced() -> None:
    assert send(Chat(content="Why?", context="\n")) == send(Chat(content="Why?"))


def test_turns_are_sent_without_invisible_characters_and_blank_ones_not_at_all() -> None:
    history = (*HISTORY, Turn(role="user", content="a\U000e0041b"), Turn(role="assistant", content="\u202e \n"))
    assert send(Chat(content="Why?", history=history)).messages == (
        Message("user", "Hi"),
        Message("assistant", "Hello"),
        Message("user", "ab"),
        Message("user", "Why?"),
    )


def test_content_context_and_history_share_one_limit_in_bytes() -> None:
    request = Chat(content="é", context="abc", history=HISTORY)
    send(request, make_rules("test", max_chat_bytes=12))
    with pytest.raises(TooLarge, match="together: 12 bytes, but at most 11 are allowed"):
        send(request, make_rules("test", max_chat_bytes=11))
