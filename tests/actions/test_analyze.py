from protocol.messages import Analyze
from sidecar.actions import render
from sidecar.providers.interface import Message, Prompt
from tests.rules import make_rules


def send(request: Analyze) -> Prompt:
    return render(request, make_rules("test"), marker="material_00")


def test_the_text_is_fenced_and_the_task_is_said_again_after_it() -> None:
    expected = "The text to analyze:\n<material_00>\nA text.\n</material_00>\n\nNow analyze the text."
    assert send(Analyze(content="A text.")).messages == (Message("user", expected),)


def test_the_task_names_all_that_teaching_needs() -> None:
    system = send(Analyze(content="A text.")).system
    for section in ("Main ideas", "Concepts and terms", "Level", "Prerequisites", "Learning objectives", "Questions"):
        assert f". {section}" in system


def test_text_is_the_default_format() -> None:
    assert send(Analyze(content="A text.", format="text")) == send(Analyze(content="A text."))
