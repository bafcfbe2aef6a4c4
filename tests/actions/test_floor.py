"""The floor under summarize: sentences of the text itself, where no provider can be reached."""

import pytest

from protocol.messages import Summarize, Usage
from sidecar.actions import Summaries, Work, make_plan
from sidecar.errors import ContextTooLong, UpstreamConnect, UpstreamError
from tests.actions.answering import MARKER, AnsweringProvider, ask, new_rules
from tests.actions.texts import SENTENCES, write

pytestmark = pytest.mark.anyio


async def test_without_a_provider_the_floor_is_off_by_default() -> None:
    with pytest.raises(UpstreamConnect):
        await ask(Summarize(content="A text."), AnsweringProvider(lambda _: UpstreamConnect("No.")))


@pytest.mark.parametrize("style", ["prose", "bullets"])
@pytest.mark.parametrize("language", SENTENCES)
async def test_the_floor_gives_sentences_of_the_text_and_says_so(language: str, style: str) -> None:
    text = "".join(SENTENCES[language]) * 3
    provider = AnsweringProvider(lambda _: UpstreamConnect("No."))
    rules = new_rules(extractive_fallback=True)
    request = Summarize(content=text, length="short", style="bullets" if style == "bullets" else "prose")
    given = await ask(request, provider, rules=rules)
    label, _, body = given.text.partition("\n\n")
    assert label.startswith("[Made without a language model")
    for sentence in body.replace("- ", "").splitlines() if style == "bullets" else [body[:8]]:
        assert sentence in text
    assert (given.end.reason, given.end.usage) == ("other", Usage(prompt_tokens=0, completion_tokens=0))


async def test_of_a_very_long_text_the_floor_reads_the_beginning_and_says_so() -> None:
    provider = AnsweringProvider(lambda _: UpstreamConnect("No."))
    text = write("en", 250_000)
    given = await ask(Summarize(content=text), provider, rules=new_rules(extractive_fallback=True))
    assert "of which the first 200 kB were read]" in given.text


@pytest.mark.parametrize("said", [UpstreamError("Busy."), ContextTooLong("Long.")], ids=["error", "context"])
async def test_the_floor_is_not_for_a_provider_that_answers(said: UpstreamError | ContextTooLong) -> None:
    with pytest.raises(type(said)):
        await ask(Summarize(content="A."), AnsweringProvider(lambda _: said), rules=new_rules(extractive_fallback=True))


async def test_the_floor_is_not_put_under_a_text_that_has_begun_and_what_that_has_cost_counts() -> None:
    provider = AnsweringProvider(lambda _: ["A sum", UpstreamConnect("Gone.")])
    prompt, plan = make_plan(Summarize(content="A."), new_rules(extractive_fallback=True), marker=MARKER)
    work = Work(provider, plan, summaries=Summaries())
    with pytest.raises(UpstreamConnect):
        async with work.stream(prompt) as pieces:
            assert [piece async for piece in pieces] == []
    assert work.spent().prompt_tokens > 100
    assert work.spent().completion_tokens == 2
