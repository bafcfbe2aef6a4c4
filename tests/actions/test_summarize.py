from typing import Literal

import pytest

from protocol.messages import Summarize
from sidecar.actions import render
from sidecar.providers.interface import Message, Prompt
from tests.rules import make_rules


def send(request: Summarize) -> Prompt:
    return render(request, make_rules("test"), marker="material_00")


def test_background_comes_before_the_text_and_the_task_is_said_again_after_it() -> None:
    expected = """\
Background, which you need not summarize:
<material_00>
A course.
</material_00>

The text to summarize:
<material_00>
A text.
</material_00>

Now summarize the text."""
    assert send(Summarize(content="A text.", context="A course.")).messages == (Message("user", expected),)


@pytest.mark.parametrize(
    ("length", "style", "words"),
    [
        ("short", "prose", "two or three sentences"),
        ("medium", "prose", "about 150 words"),
        ("long", "prose", "about 400 words"),
        ("short", "bullets", "three points"),
        ("medium", "bullets", "five to eight points"),
        ("long", "bullets", "ten to fifteen points"),
    ],
)
def test_length_and_style_are_in_the_task_and_in_the_prompt(
    length: Literal["short", "medium", "long"], style: Literal["prose", "bullets"], words: str
) -> None:
    prompt = send(Summarize(content="A text.", length=length, style=style))
    assert words in prompt.system
    assert (prompt.length, prompt.bullets) == (length, style == "bullets")


def test_medium_prose_is_the_default() -> None:
    assert send(Summarize(content="A text.")) == send(Summarize(content="A text.", length="medium", style="prose"))
