"""summarize and analyze of texts that one call cannot read."""

import threading
import time

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.messages import Analyze, Summarize, Usage
from sidecar.actions import Summaries, Work, digest, make_plan
from sidecar.actions._model import MAX_PARALLEL
from sidecar.errors import ContextTooLong, Truncated, UpstreamError
from sidecar.providers import Finish, Message, Prompt, Text
from tests.actions.answering import MARKER, USAGE, AnsweringProvider, ask, material, new_rules
from tests.actions.texts import SENTENCES, write
from tests.moments import without_garbage_of_others

pytestmark = pytest.mark.anyio

KINDS = (Summarize, Analyze)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@every_kind
async def test_what_one_call_can_read_is_asked_in_one_call(kind: type[Summarize | Analyze]) -> None:
    provider = AnsweringProvider(lambda _: ["A ", "summary."])
    given = await ask(kind(content="x " * 900), provider)
    assert (given.text, given.stages) == ("A summary.", [])
    assert len(provider.prompts) == 1
    assert given.end == Finish("stop", USAGE)


@every_kind
@pytest.mark.parametrize("language", SENTENCES)
async def test_of_a_long_text_every_part_is_read_once_and_in_order(
    kind: type[Summarize | Analyze], language: str
) -> None:
    text = write(language, 20_000)
    provider = AnsweringProvider()
    given = await ask(kind(content=text), provider)
    parts = [prompt.subject for prompt in provider.asked("condense")]
    assert "".join(parts) == text
    assert all(len(part.encode()) <= new_rules().room_bytes for part in parts)
    assert [material(prompt) for prompt in provider.asked("condense")] == [[part] for part in parts]
    (last,) = provider.asked(kind.__name__.lower())
    assert provider.prompts[-1] is last
    assert material(last) == ["\n\n".join(["Notes."] * len(parts))]
    name = "summarizing" if kind is Summarize else "reading"
    # Parts that are read at the same time are told of at the same time.
    assert given.stages == sorted(set(given.stages))
    assert (given.stages[0], given.stages[-1]) == ((name, 0, len(parts)), (name, len(parts), len(parts)))
    assert {(stage, total) for stage, _, total in given.stages} == {(name, len(parts))}
    assert given.text == "Notes."


async def test_the_notes_keep_the_order_of_the_parts_whichever_comes_first() -> None:
    text = write("en", 12_000)
    first_may_end = anyio.Event()

    async def gate(prompt: Prompt) -> None:
        if "Part 1 of" in prompt.messages[0].content:
            await first_may_end.wait()
        elif "Part 4 of" in prompt.messages[0].content:
            first_may_end.set()

    provider = AnsweringProvider(lambda prompt: prompt.messages[0].content.partition(" of")[0], gate=gate)
    await ask(Summarize(content=text), provider)
    notes = material(provider.prompts[-1])[0].split("\n\n")
    assert notes == [f"Part {number}" for number in range(1, len(notes) + 1)]


async def test_as_many_parts_as_allowed_are_read_at_once_and_no_more() -> None:
    everyone_is_here = anyio.Event()
    provider = AnsweringProvider()

    async def gate(prompt: Prompt) -> None:
        if provider.running == MAX_PARALLEL:
            everyone_is_here.set()
        if prompt.action == "condense":
            await everyone_is_here.wait()

    provider.gate = gate
    await ask(Summarize(content=write("en", 30_000)), provider)
    assert provider.most_running == MAX_PARALLEL


async def test_the_usage_is_the_sum_of_all_calls() -> None:
    provider = AnsweringProvider()
    given = await ask(Summarize(content=write("en", 12_000)), provider)
    calls = len(provider.prompts)
    assert given.end.usage == Usage(prompt_tokens=10 * calls, completion_tokens=3 * calls)
    assert given.work.spent() == given.end.usage


async def test_usage_that_nobody_has_counted_is_estimated_for_every_call() -> None:
    provider = AnsweringProvider(usage=None)
    given = await ask(Summarize(content=write("en", 12_000)), provider)
    usage = given.end.usage
    assert usage is not None
    assert usage.estimated
    assert usage.prompt_tokens > 12_000 // 4
    assert usage.completion_tokens == 2 * len(provider.prompts)


async def test_notes_that_are_still_too_long_are_condensed_again() -> None:
    text = write("en", 40_000)
    provider = AnsweringProvider(lambda prompt: "word " * 40 if prompt.action == "condense" else "A summary.")
    given = await ask(Summarize(content=text), provider)
    assert {stage for stage, _, _ in given.stages} == {"summarizing", "summarizing: joining"}
    assert len(material(provider.prompts[-1])[0]) <= new_rules().room_bytes


async def test_a_model_that_never_ends_its_notes_is_cut_off_and_the_text_still_shrinks() -> None:
    provider = AnsweringProvider(lambda prompt: ["word " * 200] * 50 if prompt.action == "condense" else "A summary.")
    given = await ask(Summarize(content=write("en", 60_000)), provider)
    assert given.text == "A summary."
    assert len(material(provider.prompts[-1])[0]) <= new_rules().room_bytes


async def test_a_long_background_is_condensed_too() -> None:
    provider = AnsweringProvider()
    given = await ask(Summarize(content="A text.", context=write("en", 9_000)), provider)
    assert given.stages[0][0] == "background"
    background, text = material(provider.prompts[-1])
    assert set(background.split("\n\n")) == {"Notes."}
    assert text == "A text."
    assert "These are notes" not in provider.prompts[-1].messages[0].content


@every_kind
async def test_a_model_that_reads_less_than_the_settings_say_is_asked_in_smaller_parts(
    kind: type[Summarize | Analyze],
) -> None:
    def answer(prompt: Prompt) -> str | ContextTooLong:
        return ContextTooLong("Too long.") if len(prompt.messages[0].content) > 1000 else "Notes."

    for size in (1_900, 9_000):
        provider = AnsweringProvider(answer)
        text = write("en", size)
        given = await ask(kind(content=text), provider)
        assert given.text == "Notes."
        total = given.stages[-1][2]
        again = [prompt for prompt in provider.asked("condense") if f" of {total}:" in prompt.messages[0].content]
        assert "".join(prompt.subject for prompt in again) == text


async def test_it_is_not_asked_a_third_time() -> None:
    provider = AnsweringProvider(lambda _: ContextTooLong("Too long."))
    with pytest.raises(ContextTooLong):
        await ask(Summarize(content=write("en", 9_000)), provider)
    assert len(provider.asked("condense")) <= 2 * MAX_PARALLEL
    with pytest.raises(ContextTooLong):
        await ask(Summarize(content="Short."), provider := AnsweringProvider(lambda _: ContextTooLong("Too long.")))
    assert len(provider.prompts) == 1


@pytest.mark.parametrize("error", [UpstreamError("No."), Truncated("Cut.")], ids=["error", "truncated"])
async def test_a_part_that_cannot_be_read_ends_the_reply_and_leaves_the_others(
    error: UpstreamError | Truncated,
) -> None:
    others_are_left = 0

    async def gate(prompt: Prompt) -> None:
        nonlocal others_are_left
        if "Part 2 of" not in prompt.messages[0].content:
            try:
                await anyio.sleep_forever()
            finally:
                others_are_left += 1

    provider = AnsweringProvider(lambda _: error, gate=gate)
    with pytest.raises(type(error)):
        await ask(Summarize(content=write("en", 12_000)), provider)
    assert others_are_left == MAX_PARALLEL - 1


@pytest.mark.parametrize("silent", ["Part 2 of", "Part "], ids=["one part", "every part"])
async def test_a_part_of_which_the_model_says_nothing_is_not_passed_over(silent: str) -> None:
    """What is written of nothing, or of the others, would be taken for a summary of the whole."""
    provider = AnsweringProvider(lambda prompt: " \n" if silent in prompt.messages[0].content else "Notes.")
    with pytest.raises(UpstreamError, match="wrote nothing about part"):
        await ask(Summarize(content=write("en", 12_000)), provider)
    assert provider.asked("summarize") == []


async def test_notes_that_others_may_be_given_do_not_depend_on_a_temperature() -> None:
    provider = AnsweringProvider()
    await ask(Summarize(content=write("en", 12_000), temperature=2.0), provider)
    assert {prompt.temperature for prompt in provider.asked("condense")} == {None}
    assert [prompt.temperature for prompt in provider.asked("summarize")] == [2.0]


async def test_an_answer_without_an_end_is_not_taken_for_notes() -> None:
    class Endless(AnsweringProvider):
        async def _pieces(self, prompt: Prompt):  # type: ignore[no-untyped-def]
            yield Text("Half a no")

    with pytest.raises(Truncated):
        await ask(Summarize(content=write("en", 12_000)), Endless())


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_the_largest_text_is_worked_on_without_holding_up_the_others(language: str) -> None:
    text = write(language, 4_900_000)
    rules = new_rules(context_tokens=16_000, max_tokens=1000)
    threads = threading.active_count()

    def admit() -> float:
        began = time.thread_time()
        digest(make_plan(Summarize(content=text), rules, marker=MARKER)[0], marker=MARKER, provider="p")
        return time.thread_time() - began

    with without_garbage_of_others():
        slowest = min(admit() for _ in range(3))  # a busy machine can only make one slower
    prompt, plan = make_plan(Summarize(content=text), rules, marker=MARKER)

    async def watch(*, task_status: anyio.abc.TaskStatus[None]) -> None:
        nonlocal slowest
        task_status.started()
        while True:
            began = time.thread_time()
            await anyio.lowlevel.checkpoint()
            slowest = max(slowest, time.thread_time() - began)

    provider = AnsweringProvider()
    with anyio.fail_after(60), without_garbage_of_others():
        async with anyio.create_task_group() as tasks:
            await tasks.start(watch)
            async with Work(provider, plan, summaries=Summaries()).stream(prompt) as pieces:
                last = [piece async for piece in pieces][-1]
            tasks.cancel_scope.cancel()
    assert isinstance(last, Finish)
    assert "".join(prompt.subject for prompt in provider.asked("condense")[: len(text) // 20_000 * 2]).startswith(
        text[:1000]
    )
    assert slowest < 0.05  # row O8 of the fault matrix has 0.1
    assert threading.active_count() <= threads + 2


@settings(max_examples=25, deadline=None)
@given(
    parts=st.lists(
        st.sampled_from(["A sentence. ", "\n\n", "# Title\n", "光" * 30 + "。", "x" * 500, "é"]), max_size=60
    ),
    tokens=st.integers(2048, 2600),
)
def test_whatever_the_text_no_part_is_lost_repeated_or_too_large(parts: list[str], tokens: int) -> None:
    text = "A beginning. " + "".join(parts) * 3
    rules = new_rules(context_tokens=tokens)
    provider = AnsweringProvider()

    async def run() -> None:
        await ask(Summarize(content=text), provider, rules=rules)

    anyio.run(run)
    asked = provider.asked("condense")
    assert "".join(prompt.subject for prompt in asked) == (text if asked else "")
    assert asked or len(text.encode()) <= rules.room_bytes
    assert all(len(prompt.subject.encode()) <= rules.room_bytes for prompt in asked)
    assert provider.most_running <= MAX_PARALLEL


# The floor.


def test_a_part_is_sent_as_the_golden_text_says() -> None:
    provider = AnsweringProvider()

    async def run() -> None:
        await ask(Summarize(content="A first part of it. " + "x" * 1975 + "\n\nThe end."), provider)

    anyio.run(run)
    prompt = provider.prompts[-2]
    assert prompt.messages == (Message("user", "Part 2 of 2:\n<material_00>\nThe end.\n</material_00>\n\nNow write."),)
    assert prompt.system.endswith("Write at most 56 words.\n\nWrite in the language of the text.")
    assert provider.prompts[-1].messages[0].content == (
        "The text to summarize is long. These are notes on all its parts, in order:\n"
        "<material_00>\nNotes.\n\nNotes.\n</material_00>\n\nNow summarize the text."
    )
