from protocol.messages import Analyze, Chat, Summarize
from sidecar.actions import most_tokens, new_marker, render
from sidecar.providers import Prompt
from tests.rules import make_rules

RULES = make_rules("m", max_tokens=1000)


def prompt_for(request: Chat | Summarize | Analyze) -> Prompt:
    return render(request, RULES, marker=new_marker())


def test_a_request_may_cost_what_is_sent_and_the_longest_answer() -> None:
    prompt = prompt_for(Chat(content="Hi", max_tokens=100))
    assert prompt.estimate_tokens() + 100 <= most_tokens(prompt, RULES) <= 2 * prompt.estimate_tokens() + 100


def test_a_long_text_is_read_in_parts_whose_notes_are_read_again() -> None:
    text = "A sentence of a text. " * 20_000
    prompt = prompt_for(Summarize(content=text))
    levels = sum(len(text) / 4 / 8**level for level in range(4))
    assert most_tokens(prompt, RULES) > levels + RULES.room_bytes / 4 + 1000


def test_an_answer_in_json_may_be_asked_for_twice() -> None:
    text, json = prompt_for(Analyze(content="A text.")), prompt_for(Analyze(content="A text.", format="json"))
    assert most_tokens(json, RULES) > 2 * (json.estimate_tokens() + 1000) > most_tokens(text, RULES)
