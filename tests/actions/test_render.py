"""What is the same for every action; the files beside this one have what differs."""

import pytest

from protocol.messages import Analyze, Chat, Generate, Summarize, Turn
from sidecar.actions import ACTIONS, Rules, render
from sidecar.errors import InvalidParameter, TooLarge
from sidecar.providers.interface import Prompt
from tests.rules import make_rules

RULES = make_rules("small", "large")
KINDS = (Chat, Summarize, Analyze)

every_action = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def send(request: Generate, rules: Rules = RULES) -> Prompt:
    return render(request, rules, marker="material_00")


def test_the_table_has_every_kind_of_request_under_its_name_on_the_wire() -> None:
    assert set(ACTIONS) == set(Generate.__subclasses__())
    assert [action.name for action in ACTIONS.values()] == [kind.__struct_config__.tag for kind in ACTIONS]


def test_only_summarize_and_analyze_are_shareable() -> None:
    assert {kind for kind, action in ACTIONS.items() if action.is_shareable} == {Summarize, Analyze}


@every_action
def test_a_request_without_wishes_gets_the_defaults(kind: type[Generate]) -> None:
    prompt = send(kind(content="Text."))
    assert prompt.action == ACTIONS[kind].name
    assert (prompt.model, prompt.max_tokens, prompt.temperature, prompt.paced) == ("small", 1000, None, False)
    assert (prompt.subject, prompt.length, prompt.bullets) == ("Text.", "medium", False)


@every_action
def test_wishes_are_followed(kind: type[Generate]) -> None:
    prompt = send(kind(content="Text.", model="large", max_tokens=7, temperature=0.5, stream=True))
    assert (prompt.model, prompt.max_tokens, prompt.temperature, prompt.paced) == ("large", 7, 0.5, True)


def test_more_tokens_than_allowed_are_cut_down_to_the_ceiling() -> None:
    assert send(Chat(content="Hi", max_tokens=1001)).max_tokens == 1000
    assert send(Chat(content="Hi"), make_rules("small", max_tokens=20)).max_tokens == 20


def test_a_model_that_is_not_offered_is_refused_with_those_that_are() -> None:
    with pytest.raises(InvalidParameter, match=r"`model` .* may be small or large\."):
        send(Chat(content="Hi", model="huge"))


def test_a_star_allows_any_model_and_is_none_itself() -> None:
    assert send(Chat(content="Hi", model="huge"), make_rules("small", "*")).model == "huge"
    assert send(Chat(content="Hi"), make_rules("*", "small")).model == "small"


def test_without_a_default_model_a_request_has_to_name_one() -> None:
    assert send(Chat(content="Hi", model="huge"), make_rules("*")).model == "huge"
    with pytest.raises(InvalidParameter, match="no default model"):
        send(Chat(content="Hi"), make_rules("*"))


@every_action
@pytest.mark.parametrize(
    "blank", ["", " \t\r\n", "\u3000\u2003", "\u202e\U000e0041 ", "\u200b\ufeff \u00ad\n"], ids=ascii
)
def test_blank_content_is_refused(kind: type[Generate], blank: str) -> None:
    with pytest.raises(InvalidParameter, match="`content` is blank"):
        send(kind(content=blank))


@pytest.mark.parametrize("kind", [Summarize, Analyze])
def test_a_document_has_no_history(kind: type[Summarize | Analyze]) -> None:
    send(kind(content="Text.", history=()))
    with pytest.raises(InvalidParameter, match="`history` is for chat only"):
        send(kind(content="Text.", history=(Turn(role="user", content="Hi"),)))


@pytest.mark.parametrize("kind", [Summarize, Analyze])
def test_a_document_may_be_as_large_as_the_limit_in_bytes(kind: type[Summarize | Analyze]) -> None:
    rules = make_rules("small", max_text_bytes=6)
    send(kind(content="ééé", context="abcdef"), rules)
    with pytest.raises(TooLarge, match="`content`: 7 bytes, but at most 6 are allowed"):
        send(kind(content="éééa"), rules)
    with pytest.raises(TooLarge, match="`context`: 8 bytes, but at most 6 are allowed"):
        send(kind(content="a", context="éééé"), rules)


@pytest.mark.parametrize("kind", [Summarize, Analyze])
def test_a_blank_context_is_no_background(kind: type[Summarize | Analyze]) -> None:
    assert send(kind(content="Text.", context=" \n")) == send(kind(content="Text."))


@every_action
def test_the_system_prompt_begins_the_same_in_every_request(kind: type[Generate]) -> None:
    first = render(kind(content="One."), RULES, marker="material_01")
    second = render(kind(content="Two."), RULES, marker="material_02")
    assert first.system == second.system


@every_action
def test_the_answer_is_in_the_language_of_the_person_unless_another_is_asked_for(kind: type[Generate]) -> None:
    assert "in the language of the person's latest message" in send(kind(content="Text.")).system
    asked = send(kind(content="Text.", language="pt_br")).system
    assert "in the language with the code pt-br" in asked
    assert "latest message;" not in asked


@every_action
def test_instructions_end_the_system_prompt(kind: type[Generate]) -> None:
    plain = send(kind(content="Text."))
    added = send(kind(content="Text.", instructions=" Speak like\u202e a pirate.\n"))
    assert added.system == f"{plain.system}\n\nThe staff of this platform adds:\nSpeak like a pirate."
    assert added.messages == plain.messages


@every_action
def test_blank_instructions_add_nothing(kind: type[Generate]) -> None:
    assert send(kind(content="Text.", instructions=" ")) == send(kind(content="Text."))


@every_action
def test_who_asks_is_not_told_to_the_model(kind: type[Generate]) -> None:
    assert send(kind(content="Text.", user_id="alice", course_id=7)) == send(kind(content="Text."))
