import pytest

from protocol.messages import Complete, GivenTurn
from sidecar.actions import Rules, render
from sidecar.errors import InvalidParameter, TooLarge
from sidecar.providers.interface import Message, Prompt
from tests.rules import make_rules

RULES = make_rules("test", max_tokens=100)
SYSTEM = GivenTurn(role="system", content="Be <brief>.")
USER = GivenTurn(role="user", content=" Hi\u202e")


def send(*turns: GivenTurn, rules: Rules = RULES) -> Prompt:
    return render(Complete(content="Hi", turns=turns), rules, marker="material_00")


def test_messages_go_as_they_are_without_a_prompt_of_ours() -> None:
    prompt = send(USER)
    assert (prompt.system, prompt.messages) == ("", (Message("user", " Hi\u202e"),))
    assert (prompt.subject, prompt.max_tokens, prompt.model) == ("Hi", 100, "test")


def test_the_first_message_of_the_system_is_the_system_prompt_and_later_ones_stay_where_they_are() -> None:
    prompt = send(SYSTEM, USER, SYSTEM)
    assert prompt.system == "Be <brief>."
    assert prompt.messages == (Message("user", " Hi\u202e"), Message("system", "Be <brief>."))


def test_blank_messages_are_not_asked() -> None:
    with pytest.raises(InvalidParameter, match="blank"):
        send(GivenTurn(role="user", content=" \n"))


def test_all_texts_share_the_limit_of_a_chat() -> None:
    with pytest.raises(TooLarge, match="`messages` together"):
        send(SYSTEM, USER, rules=make_rules("test", max_chat_bytes=15))
