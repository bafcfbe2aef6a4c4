"""analyze with `"format":"json"`: what a model says is checked, asked for again, or refused."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.messages import Analyze, Usage
from protocol.results import Analysis, Reading
from sidecar.actions._analysis import schema, write
from sidecar.errors import UpstreamBadRequest, UpstreamError, UpstreamNotFound, UpstreamProtocol
from sidecar.providers import Finish, Prompt
from tests.actions.answering import AnsweringProvider, Said, ask, material, new_rules
from tests.actions.texts import write as write_text

pytestmark = pytest.mark.anyio

GOOD = {
    "main_ideas": ["Plants make sugar."],
    "concepts": [{"term": "photosynthesis", "definition": "making sugar of light"}],
    "level": {"grade": "elementary", "reason": "Short sentences."},
    "prerequisites": ["what a plant is"],
    "objectives": ["explain where sugar comes from"],
    "questions": [{"question": "What do plants need?", "answer": "Light."}],
}
TEXT = json.dumps(GOOD)
REQUEST = Analyze(content="Plants make sugar of light.", format="json")
READABILITY = {"measure": "lix", "value": 5.0, "grade": "very easy"}


def then(*answers: Said | list[Said]) -> AnsweringProvider:
    """Return a provider that gives these answers, one after the other."""
    rest = iter(answers)
    return AnsweringProvider(lambda _: next(rest))


async def test_the_result_is_the_object_and_what_was_counted() -> None:
    provider = then([TEXT[:20], TEXT[20:]])
    given = await ask(REQUEST, provider)
    assert given.text == ""
    assert given.stages == [("analyzing", 0, 1)]
    assert given.end.result is not None
    assert given.end.result.value == GOOD | {"readability": READABILITY}
    assert given.end.result.text == (
        "## Main ideas\n\n- Plants make sugar.\n\n"
        "## Concepts and terms\n\n- **photosynthesis**: making sugar of light\n\n"
        "## Level\n\nelementary: Short sentences.\n\nReadability (lix): 5, very easy\n\n"
        "## Prerequisites\n\n- what a plant is\n\n"
        "## Learning objectives\n\n- explain where sugar comes from\n\n"
        "## Questions that check understanding\n\n1. What do plants need?\n   Answer: Light."
    )
    assert (given.end.reason, given.end.usage) == ("stop", Usage(prompt_tokens=10, completion_tokens=3))


async def test_the_schema_goes_with_the_prompt_and_stands_in_it() -> None:
    provider = then(TEXT)
    await ask(REQUEST, provider)
    (prompt,) = provider.prompts
    assert prompt.schema == schema()
    assert json.dumps(schema(), separators=(",", ":")) in prompt.system
    assert "readability 5 (lix), which is very easy" in prompt.messages[0].content
    assert "Write at most 66 words" in prompt.system


def test_the_schema_is_what_strict_servers_take() -> None:
    def check(schema: object) -> None:
        assert isinstance(schema, dict)
        assert not schema.keys() & {"$ref", "$defs", "minLength", "maxLength", "minItems", "maxItems", "title"}
        if schema["type"] == "object":
            assert schema["additionalProperties"] is False
            assert schema["required"] == [*schema["properties"]]
            for inner in schema["properties"].values():
                check(inner)
        elif schema["type"] == "array":
            check(schema["items"])

    check(schema())
    assert [*schema()["properties"]] == [*Reading.__struct_fields__]  # type: ignore[misc]


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{TEXT}\n```",
        f"Here it is:\n{TEXT}\nI hope that this helps.",
        json.dumps(GOOD | {"mood": "cheerful"}),
        json.dumps(GOOD, indent=2, ensure_ascii=False),
    ],
    ids=["fenced", "with words", "with more fields", "indented"],
)
async def test_what_models_put_around_it_does_no_harm(text: str) -> None:
    result = (await ask(REQUEST, then(text))).end.result
    assert result is not None
    assert result.value["main_ideas"] == GOOD["main_ideas"]


BAD = {
    "no JSON": ("I cannot.", "there is no JSON object"),
    "turned round": ("} {", "there is no JSON object"),
    "broken": (TEXT.replace(",", "", 1), "the JSON is broken"),
    "deep": ('{"a":' * 5000 + "}", "the JSON is broken"),
    "lacking": (json.dumps({key: GOOD[key] for key in GOOD if key != "level"}), "it lacks the field `level`"),
    "null": (json.dumps(GOOD | {"level": None}), "what it has at `$.level` does not fit"),
    "word": (
        json.dumps(GOOD | {"level": {"grade": "SECRET", "reason": "x"}}),
        "what it has at `$.level.grade` does not fit",
    ),
    "no ideas": (json.dumps(GOOD | {"main_ideas": []}), "what it has at `$.main_ideas` does not fit"),
    "blank": (json.dumps(GOOD | {"objectives": [""]}), "what it has at `$.objectives[0]` does not fit"),
    "long": (json.dumps(GOOD | {"objectives": ["x"] * 51}), "what it has at `$.objectives` does not fit"),
}


@pytest.mark.parametrize(("text", "fault"), BAD.values(), ids=BAD)
async def test_what_does_not_fit_is_asked_for_once_more_with_the_reason(text: str, fault: str) -> None:
    provider = then(text, TEXT)
    given = await ask(REQUEST, provider)
    assert given.end.result is not None
    assert given.end.usage == Usage(prompt_tokens=20, completion_tokens=6)
    assert given.stages == [("analyzing", 0, 1), ("analyzing once more", 0, 1)]
    first, second = provider.prompts
    assert second.messages[:1] == first.messages
    assert (second.messages[1].role, second.messages[1].content) == ("assistant", text[:8000])
    assert second.messages[2].content == (
        f"That does not fit: {fault}. Give the whole object again, as JSON and nothing else."
    )


@pytest.mark.parametrize(("text", "fault"), BAD.values(), ids=BAD)
async def test_twice_is_an_error_that_says_so_and_shows_nothing_of_the_text(text: str, fault: str) -> None:
    provider = then("I would rather not.", text)
    with pytest.raises(UpstreamProtocol) as caught:
        await ask(REQUEST, provider)
    assert str(caught.value) == f"The model did not give an analysis in JSON, asked twice: {fault}."
    assert "SECRET" not in str(caught.value)
    assert len(provider.prompts) == 2


async def test_what_is_cut_off_is_asked_for_in_short_and_then_the_error_names_the_limit() -> None:
    cut: list[Said] = [TEXT[:50], Finish("length")]
    provider = then(cut, TEXT)
    assert (await ask(REQUEST, provider)).end.result is not None
    assert provider.prompts[1].messages[2].content.startswith("It was cut off: write less.")
    with pytest.raises(UpstreamProtocol, match=r"does not fit into 200 tokens: .*MAX_TOKENS"):
        await ask(REQUEST, then(cut, cut))


async def test_without_an_end_in_sight_it_is_cut_off() -> None:
    with pytest.raises(UpstreamProtocol, match="does not fit"):
        await ask(REQUEST, AnsweringProvider(lambda _: ["{ " * 10_000] * 20))


@pytest.mark.parametrize("reason", ["refused", "filtered"])
async def test_a_model_that_declines_ends_it_without_a_result(reason: str) -> None:
    ends: list[Said] = ["Sorry.", Finish("refused" if reason == "refused" else "filtered")]
    provider = then(ends)
    given = await ask(REQUEST, provider)
    assert (given.end.reason, given.end.result) == (reason, None)
    assert len(provider.prompts) == 1


async def test_what_goes_wrong_at_the_provider_is_its_error() -> None:
    with pytest.raises(UpstreamError):
        await ask(REQUEST, then(UpstreamError("Busy.")))


async def test_a_server_that_refuses_the_schema_is_asked_without_it() -> None:
    provider = AnsweringProvider(lambda prompt: UpstreamBadRequest("No.") if prompt.schema else TEXT)
    given = await ask(REQUEST, provider)
    assert given.end.result is not None
    assert [prompt.schema is None for prompt in provider.prompts] == [False, True]
    with pytest.raises(UpstreamNotFound):
        await ask(REQUEST, provider := AnsweringProvider(lambda _: UpstreamNotFound("No such model.")))
    assert len(provider.prompts) == 1


async def test_a_long_text_is_read_in_parts_first() -> None:
    def answer(prompt: Prompt) -> str:
        return TEXT if prompt.schema else "Notes."

    provider = AnsweringProvider(answer)
    given = await ask(Analyze(content=write_text("zh", 9_000), format="json"), provider)
    assert all(prompt.schema is None for prompt in provider.asked("condense"))
    assert set(material(provider.prompts[-1])[0].split("\n\n")) == {"Notes."}
    assert given.end.result is not None
    readability = given.end.result.value["readability"]
    assert isinstance(readability, dict)
    assert readability["measure"] == "characters per sentence"  # of the text, not of the notes


async def test_a_text_without_words_has_no_readability() -> None:
    given = await ask(Analyze(content="!!!", format="json"), then(TEXT))
    assert given.end.result is not None
    assert "readability" not in given.end.result.value
    provider = AnsweringProvider()
    await ask(Analyze(content="!!!"), provider)
    assert "Counted" not in provider.prompts[0].messages[0].content


async def test_the_second_question_is_bounded() -> None:
    provider = then("x" * 100_000, TEXT)
    await ask(REQUEST, provider)
    assert len(provider.prompts[1].messages[1].content) == 8000
    assert new_rules().max_tokens == provider.prompts[1].max_tokens


texts = st.text(min_size=1, max_size=20)


@given(st.fixed_dictionaries({"ideas": st.lists(texts, min_size=1, max_size=3), "term": texts, "answer": texts}))
def test_whatever_fits_can_be_read_and_decoded_again(said: dict[str, object]) -> None:
    value = GOOD | {
        "main_ideas": said["ideas"],
        "concepts": [{"term": said["term"], "definition": "x"}],
        "questions": [{"question": "?", "answer": said["answer"]}],
    }
    analysis = msgspec.convert(value, Analysis)
    assert msgspec.json.decode(msgspec.json.encode(analysis), type=Analysis) == analysis
    assert repr(analysis) == "Analysis()"
    shown = write(analysis)
    assert f"**{said['term']}**" in shown
    assert f"Answer: {said['answer']}" in shown
