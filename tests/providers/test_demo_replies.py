import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.messages import Analyze, Chat, Generate, Summarize
from sidecar.actions import new_marker, render
from sidecar.providers._demo_replies import LABEL, MAX_QUESTION_CHARACTERS, MAX_SUBJECT_BYTES, write_reply
from sidecar.providers.interface import Message, Prompt
from tests.rules import make_rules

RULES = make_rules("demo")
KINDS = (Chat, Summarize, Analyze)
PLANTS = """\
Photosynthesis turns the light of the sun into sugar. The weather of the week was the same as the week before.
Plants need light for photosynthesis, and the sugar feeds the plants. The teacher of the class had a cold.

- A cat sat on the mat in the hall of the house
- Without photosynthesis the air would have no oxygen"""

every_action = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def reply_to(request: Generate) -> str:
    return write_reply(render(request, RULES, marker=new_marker()))


def reply_to_subject(action: str, subject: str) -> str:
    """Give the demo a text that the actions would refuse."""
    prompt = Prompt(action=action, model="demo", system="", messages=(), subject=subject, max_tokens=1000)
    return write_reply(prompt)


@every_action
@pytest.mark.parametrize(
    "text",
    ["one", "😀😀 👩‍👩‍👧", "...", "\u0301", "a" * 5000, "光" * 5000, "- \n- \n-", "\x00\x1b[2J", "1. 2. 3."],
    ids=ascii,
)
def test_every_reply_is_labelled_and_copes_with_any_text(kind: type[Generate], text: str) -> None:
    assert reply_to(kind(content=text)).startswith(LABEL)


@given(st.text())
def test_every_reply_is_labelled_also_without_any_text(text: str) -> None:
    for action in ("chat", "summarize", "analyze", "an action of the future"):
        assert reply_to_subject(action, text).startswith(LABEL)


@pytest.mark.parametrize("action", ["summarize", "analyze"])
def test_of_nothing_there_is_nothing_to_say(action: str) -> None:
    assert reply_to_subject(action, " \n") == f"{LABEL}The text has no sentences to work with."


@every_action
def test_the_same_request_has_the_same_reply_whatever_its_marker(kind: type[Generate]) -> None:
    request = kind(content="Who needs light?", context=PLANTS)
    assert len({reply_to(request) for _ in range(5)}) == 1


@every_action
@pytest.mark.parametrize("letter", ["w", "漢"])
def test_of_a_long_text_the_beginning_is_read_and_the_reply_says_so(kind: type[Generate], letter: str) -> None:
    name = "action"
    beginning = f"{PLANTS} {letter * MAX_SUBJECT_BYTES}".encode()[:MAX_SUBJECT_BYTES].decode(errors="ignore")
    note = "(Only the first 200 kB of the text were read.) "
    rules = make_rules("demo", max_chat_bytes=5_000_000)
    long, short = (render(kind(content=text), rules, marker=name) for text in (beginning + letter * 1000, beginning))
    assert write_reply(long) == LABEL + note + write_reply(short).removeprefix(LABEL)


def test_chat_quotes_what_fits_the_question_from_the_material() -> None:
    reply = reply_to(Chat(content="What is in the air without it?", context=PLANTS))
    assert "I cannot think or answer" in reply
    assert "of the material fit your question best:" in reply
    assert "> Without photosynthesis the air would have no oxygen" in reply
    assert "cat" not in reply


def test_the_fence_around_the_material_is_no_part_of_the_question() -> None:
    reply = reply_to(Chat(content="?", context="This is material. That is no matter."))
    assert "stand out in the material" in reply


def test_of_a_long_question_the_beginning_is_read() -> None:
    padding = "x" * MAX_QUESTION_CHARACTERS
    assert "fit your question" in reply_to(Chat(content=f"oxygen {padding}", context=PLANTS))
    assert "fit your question" not in reply_to(Chat(content=f"{padding} oxygen", context=PLANTS))


def test_chat_quotes_what_is_central_where_nothing_fits() -> None:
    assert "stand out in the material:\n\n> Photosynthesis" in reply_to(Chat(content="Quantum?", context=PLANTS))


def test_chat_without_material_quotes_the_message() -> None:
    reply = reply_to(Chat(content="Explain the Calvin cycle, please."))
    assert reply.endswith("stand out in the message:\n\n> Explain the Calvin cycle, please.")


def test_chat_without_anything_says_what_it_is() -> None:
    assert reply_to_subject("chat", "").endswith("Real answers come once a language model is set up.")


def test_chat_copes_with_messages_that_do_not_hold_the_subject() -> None:
    prompt = Prompt(
        action="chat", model="demo", system="", messages=(Message("user", "Hi"),), subject="Bye.", max_tokens=9
    )
    assert write_reply(prompt).endswith("stand out in the message:\n\n> Bye.")


@pytest.mark.parametrize(("length", "count"), [("short", 2), ("medium", 5), ("long", 10)])
def test_a_summary_has_as_many_sentences_as_its_length_says(length: str, count: int) -> None:
    text = " ".join(f"Number{index} is a thing of its own{index}." for index in range(30))
    request = Summarize(content=text, length=length, style="bullets")  # type: ignore[arg-type]
    assert reply_to(request).count("\n- ") == count


def test_a_summary_has_half_of_a_short_text_and_all_of_a_single_sentence() -> None:
    reply = reply_to(Summarize(content=PLANTS))
    assert reply == (
        f"{LABEL}Sentences of the text: Photosynthesis turns the light of the sun into sugar. "
        "Plants need light for photosynthesis, and the sugar feeds the plants. "
        "Without photosynthesis the air would have no oxygen"
    )
    assert reply_to(Summarize(content="One\nsentence.")) == f"{LABEL}Sentences of the text: One sentence."


def test_bullets_stand_on_lines_of_their_own() -> None:
    reply = reply_to(Summarize(content="- First point\n- Second point\n- Third point", style="bullets"))
    assert reply == f"{LABEL}Sentences of the text:\n\n- First point\n- Second point"


def test_an_analysis_counts_quotes_and_asks() -> None:
    reply = reply_to(Analyze(content=PLANTS))
    assert "**Size**: sentences: 6, words: 60, words a sentence on average: 10.0\n" in reply
    assert "**Frequent terms**: photosynthesis (3), light (2), sugar (2), plants (2)" in reply
    assert "**How it begins**\n\n> Photosynthesis turns the light of the sun into sugar.\n" in reply
    assert "1. [...] turns the light of the sun into sugar. (Answer: photosynthesis)\n2. " in reply


def test_an_analysis_of_a_script_without_spaces_counts_characters() -> None:
    assert "sentences: 2, characters: 8, characters a sentence on average: 4.0" in reply_to(
        Analyze(content="光合作用。植物需光。")
    )


def test_an_analysis_leaves_out_what_it_cannot_find() -> None:
    reply = reply_to(Analyze(content="😀"))
    assert "sentences: 1, words: 0, words a sentence on average: 0.0" in reply
    assert "Frequent terms" not in reply
    assert "gap" not in reply
