import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from protocol.messages import Analyze, Generate, Summarize
from sidecar.actions import digest, new_marker, render
from sidecar.providers.interface import Message, Prompt
from tests.rules import make_rules

RULES = make_rules("test", "other")


def digest_request(request: Generate, marker: str = "material_00", provider: str = "demo") -> str:
    return digest(render(request, RULES, marker=marker), marker=marker, provider=provider)


BASE = Summarize(content="A text.", context="A course.")


def test_the_same_request_has_the_same_digest_whatever_its_marker() -> None:
    digests = {digest_request(BASE, marker=new_marker()) for _ in range(5)}
    assert len(digests) == 1
    assert len(digests.pop()) == 32


def test_who_asks_and_how_it_is_delivered_make_no_difference() -> None:
    other = Summarize(
        content="A text.", context="A course.", id="7", user_id="alice", course_id=1, stream=True, key="k"
    )
    assert digest_request(other) == digest_request(BASE)


@pytest.mark.parametrize(
    "other",
    [
        Summarize(content="A text. ", context="A course."),
        Summarize(content="A text.", context="Another course."),
        Summarize(content="A text."),
        Summarize(content="A text.", context="A course.", model="other"),
        Summarize(content="A text.", context="A course.", max_tokens=10),
        Summarize(content="A text.", context="A course.", temperature=0.0),
        Summarize(content="A text.", context="A course.", language="de"),
        Summarize(content="A text.", context="A course.", instructions="Be brief."),
        Summarize(content="A text.", context="A course.", length="short"),
        Summarize(content="A text.", context="A course.", style="bullets"),
        Analyze(content="A text.", context="A course."),
    ],
    ids=range(11),
)
def test_whatever_shapes_the_answer_makes_a_difference(other: Generate) -> None:
    assert digest_request(other) != digest_request(BASE)


def test_the_provider_makes_a_difference() -> None:
    assert digest_request(BASE, provider="openai") != digest_request(BASE)


def test_every_field_of_a_prompt_counts_but_its_pace_and_what_the_messages_hold_anyway() -> None:
    prompt = render(BASE, RULES, marker="material_00")
    changes: dict[str, Prompt] = {
        "action": replace(prompt, action="x"),
        "model": replace(prompt, model="x"),
        "system": replace(prompt, system="x"),
        "messages": replace(prompt, messages=(Message("assistant", prompt.messages[0].content),)),
        "max_tokens": replace(prompt, max_tokens=1),
        "temperature": replace(prompt, temperature=1.0),
        "length": replace(prompt, length="long"),
        "bullets": replace(prompt, bullets=True),
        "schema": replace(prompt, schema={}),
    }
    # A new field of Prompt has to be decided on here, and in `digest`.
    assert set(Prompt.__struct_fields__) == set(changes) | {"paced", "subject"}
    digests = {digest(changed, marker="material_00", provider="demo") for changed in (prompt, *changes.values())}
    assert len(digests) == len(changes) + 1


def test_a_text_that_looks_like_another_prompt_with_its_fence_has_its_own_digest() -> None:
    prompt = render(BASE, RULES, marker="material_00")
    for stand_in in ("material_01", "\u00ff", "\ufffd", "", " "):
        forged = prompt.messages[0].content.replace("material_00", stand_in)
        other = replace(prompt, messages=(Message("user", forged),))
        assert digest(other, marker="material_00", provider="demo") != digest_request(BASE)


texts = st.text(max_size=5)
messages = st.lists(st.builds(Message, st.sampled_from(["user", "assistant"]), texts), max_size=3).map(tuple)


@given(st.tuples(texts, messages), st.tuples(texts, messages))
def test_no_two_prompts_share_a_digest_by_moving_text_between_fields(
    one: tuple[str, tuple[Message, ...]], two: tuple[str, tuple[Message, ...]]
) -> None:
    digests = [
        digest(
            Prompt(action="chat", model="m", system=system, messages=turns, subject="", max_tokens=1),
            marker="material_00",
            provider="demo",
        )
        for system, turns in (one, two)
    ]
    assert (digests[0] == digests[1]) == (one == two)
