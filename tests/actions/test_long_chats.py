"""chat with contexts and histories that are too long to be told as they are."""

from functools import partial
from itertools import pairwise

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.messages import Chat, Turn, Usage
from sidecar.actions import Summaries
from sidecar.actions._conversation import STAGE
from sidecar.actions._history import STAGE as HISTORY_STAGE
from sidecar.actions._history import newest
from sidecar.errors import ContextTooLong, UpstreamError
from sidecar.providers import Message, Prompt
from tests.actions.answering import MARKER, AnsweringProvider, Said, ask, material, new_rules
from tests.actions.texts import SENTENCES, write

pytestmark = pytest.mark.anyio

PAGE = write("en", 3_000)


def speak(turns: int, size: int = 200) -> tuple[Turn, ...]:
    """Return a conversation, the person first."""
    return tuple(
        Turn(role="assistant" if number % 2 else "user", content=f"turn {number} ".ljust(size, "."))
        for number in range(turns)
    )


def answer(prompt: Prompt) -> Said:
    return "A summary." if prompt.action == "condense" else "An answer."


# The context.


@pytest.mark.parametrize("language", SENTENCES)
async def test_a_context_above_the_threshold_is_summarized_first(language: str) -> None:
    page = write(language, 6_000)
    rules = new_rules(summarize_threshold=800)
    provider = AnsweringProvider(answer)
    given = await ask(Chat(content="Why?", context=page), provider, rules=rules)
    parts = [p.subject for p in provider.asked("condense") if "Part" in p.messages[0].content]
    assert "".join(parts) == page
    assert material(provider.prompts[-1]) == ["A summary."]
    assert provider.prompts[-1].messages[-1].content.endswith("\n\nWhy?")
    assert given.text == "An answer."
    assert {stage for stage, _, _ in given.stages} == {STAGE, f"{STAGE}: joining"}


async def test_up_to_the_threshold_it_is_told_as_it_is() -> None:
    provider = AnsweringProvider(answer)
    rules = new_rules(summarize_threshold=500)
    given = await ask(Chat(content="Why?", context="é" * 500), provider, rules=rules)
    assert (len(provider.prompts), given.stages) == (1, [])
    await ask(Chat(content="Why?", context="é" * 501), provider, rules=rules)
    assert len(provider.prompts) == 3


async def test_it_is_summarized_once_for_all_who_ask_about_it() -> None:
    provider, summaries = AnsweringProvider(answer), Summaries()
    given = await ask(Chat(content="Who?", context=PAGE), provider, summaries=summaries)
    assert given.stages != []
    for question in ("Why?", "How?"):
        given = await ask(Chat(content=question, context=PAGE), provider, summaries=summaries)
        assert material(provider.prompts[-1]) == ["A summary."]
    assert given.stages == []
    assert [prompt.action for prompt in provider.prompts].count("chat") == 3
    before = len(provider.asked("condense"))
    await ask(Chat(content="Why?", context=f"{PAGE}."), provider, summaries=summaries)
    assert len(provider.asked("condense")) == 2 * before


async def test_those_who_ask_at_the_same_time_wait_for_one_summary() -> None:
    goes_on = anyio.Event()
    summaries = Summaries()

    async def gate(prompt: Prompt) -> None:
        if prompt.action == "condense":
            await goes_on.wait()

    provider = AnsweringProvider(answer, gate=gate)
    texts: list[str] = []

    async def student(number: int) -> None:
        texts.append((await ask(Chat(content=f"{number}?", context=PAGE), provider, summaries=summaries)).text)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for number in range(5):
                tasks.start_soon(student, number)
            await anyio.wait_all_tasks_blocked()
            assert provider.asked("chat") == []
            goes_on.set()
    assert texts == ["An answer."] * 5
    assert len({prompt.subject for prompt in provider.asked("condense")}) == len(provider.asked("condense"))


async def test_where_who_makes_the_summary_leaves_another_one_makes_it() -> None:
    summaries = Summaries()
    provider = AnsweringProvider(answer, gate=lambda _: anyio.sleep_forever())
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks, anyio.create_task_group() as first:
            first.start_soon(lambda: ask(Chat(content="1?", context=PAGE), provider, summaries=summaries))
            await anyio.wait_all_tasks_blocked()
            working = AnsweringProvider(answer)

            async def second() -> None:
                await ask(Chat(content="2?", context=PAGE), working, summaries=summaries)

            tasks.start_soon(second)
            await anyio.wait_all_tasks_blocked()
            first.cancel_scope.cancel()
    assert material(working.prompts[-1]) == ["A summary."]


async def test_where_it_cannot_be_summarized_it_is_cut_and_the_reply_says_so() -> None:
    provider = AnsweringProvider(lambda p: UpstreamError("No.") if p.action == "condense" else ["An ", "answer."])
    rules = new_rules(summarize_threshold=700)
    given = await ask(Chat(content="Why?", context=PAGE), provider, rules=rules)
    assert material(provider.prompts[-1]) == [PAGE[:700].replace(MARKER, " ")]
    note = "[Only the first 700 characters of the material were read: it could not be summarized.]\n\n"
    assert given.text == f"{note}An answer."


async def test_who_waits_for_a_summary_that_fails_does_not_try_it_again() -> None:
    goes_on = anyio.Event()
    summaries = Summaries()

    async def gate(prompt: Prompt) -> None:
        if prompt.action == "condense":
            await goes_on.wait()

    provider = AnsweringProvider(lambda p: UpstreamError("No.") if p.action == "condense" else "Cut.", gate=gate)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for number in range(3):
                request = Chat(content=f"{number}?", context=write("en", 2_050))
                tasks.start_soon(partial(ask, request, provider, summaries=summaries))
            await anyio.wait_all_tasks_blocked()
            goes_on.set()
    tried = len(provider.asked("condense"))
    assert tried <= 4
    await ask(Chat(content="Again?", context=write("en", 2_050)), provider, summaries=summaries)
    assert len(provider.asked("condense")) > tried


async def test_a_summary_without_a_word_is_none() -> None:
    provider = AnsweringProvider(lambda p: " \n" if p.action == "condense" else "An answer.")
    given = await ask(Chat(content="Why?", context=PAGE), provider)
    assert given.text.startswith("[Only the first 2000 characters")


async def test_the_usage_has_the_summary_in_it() -> None:
    provider = AnsweringProvider(answer)
    given = await ask(Chat(content="Why?", context=PAGE), provider)
    calls = len(provider.prompts)
    assert given.end.usage == Usage(prompt_tokens=10 * calls, completion_tokens=3 * calls)


# The history.


async def test_a_history_that_fits_is_told_as_it_is() -> None:
    provider = AnsweringProvider(answer)
    await ask(Chat(content="Now?", history=speak(8)), provider)
    (prompt,) = provider.prompts
    assert [message.content for message in prompt.messages[:-1]] == [turn.content for turn in speak(8)]


async def test_of_a_long_one_the_older_turns_are_told_in_short() -> None:
    history = speak(30)
    provider = AnsweringProvider(answer)
    given = await ask(Chat(content="Now?", history=history), provider)
    prompt = provider.prompts[-1]
    first = prompt.messages[0]
    assert first.role == "user"
    assert first.content.startswith(f"What was said before, in short:\n<{MARKER}>\nA summary.\n</{MARKER}>\n\nturn ")
    kept = [message.content for message in prompt.messages[:-1]]
    kept[0] = kept[0].rpartition("\n\n")[2]
    assert kept == [turn.content for turn in history[30 - len(kept) :]]
    assert sum(map(len, kept)) <= new_rules().room_bytes
    assert prompt.messages[-1] == Message("user", "Now?")
    told = "".join(p.subject for p in provider.prompts[:-1])
    for turn in history[: 30 - len(kept)]:
        assert told.count(f"{turn.role}: {turn.content}") == 1
    assert given.stages[0][0] == HISTORY_STAGE


async def test_the_summary_of_the_older_turns_rolls() -> None:
    provider, summaries = AnsweringProvider(answer), Summaries()
    for turns in range(2, 60, 2):
        await ask(Chat(content="Now?", history=speak(turns)), provider, summaries=summaries)
    notes = [prompt.subject for prompt in provider.asked("condense")]
    # Not with every message, and each turn once: what was told in short before is not read again.
    assert len(notes) < 15
    for number in range(40):
        assert sum(f": turn {number} " in note for note in notes) == 1
    assert all(note.startswith("A summary.\n\nuser: turn") for note in notes[1:])


async def test_where_the_older_turns_cannot_be_told_in_short_the_reply_says_so() -> None:
    provider = AnsweringProvider(lambda p: UpstreamError("No.") if p.action == "condense" else "An answer.")
    given = await ask(Chat(content="Now?", history=speak(30)), provider)
    assert given.text == "[The beginning of the conversation was too long to be read again.]\n\nAn answer."
    assert provider.prompts[-1].messages[0].role == "user"


@given(sizes=st.lists(st.integers(1, 50), max_size=20), begins=st.booleans(), room=st.integers(0, 400))
def test_only_whole_turns_are_kept_the_newest_that_fit_from_one_of_the_person(
    sizes: list[int], begins: bool, room: int
) -> None:
    turns = [Message("user" if n % 2 == begins else "assistant", "x" * size) for n, size in enumerate(sizes)]
    start = newest(turns, room)
    assert sum(sizes[start:]) <= room
    if 0 < start < len(turns):
        assert turns[start].role == "user"
    if start:  # one more of the person, with what was answered, would not fit
        earlier = next((n for n in range(start - 1, 0, -1) if turns[n].role == "user"), 0)
        assert sum(sizes[earlier:]) > room


# A model that reads less than the settings say.


async def test_what_is_too_long_for_the_model_is_asked_once_more_with_half_of_it() -> None:
    provider = AnsweringProvider(lambda p: ContextTooLong("No.") if len(p.messages) > 5 else "An answer.")
    given = await ask(Chat(content="Now?", context="A page. " * 20, history=speak(6)), provider)
    assert len(provider.prompts) == 2
    assert len(material(provider.prompts[1])[0]) == 80
    assert [m.content[:7] for m in provider.prompts[1].messages[:-1]] == ["turn 4 ", "turn 5 "]
    assert given.text == (
        "[Only a part of the material could be read. The beginning of the conversation was too long to be read "
        "again.]\n\nAn answer."
    )


async def test_it_is_not_asked_a_third_time_nor_after_the_first_word() -> None:
    provider = AnsweringProvider(lambda _: ContextTooLong("No."))
    with pytest.raises(ContextTooLong):
        await ask(Chat(content="Now?", history=speak(6)), provider)
    assert len(provider.prompts) == 2
    provider = AnsweringProvider(lambda _: ContextTooLong("No."))
    with pytest.raises(ContextTooLong):  # there is nothing to leave out
        await ask(Chat(content="A question too long for it."), provider)
    assert len(provider.prompts) == 1
    provider = AnsweringProvider(lambda _: ["An ", ContextTooLong("No.")])
    with pytest.raises(ContextTooLong):
        await ask(Chat(content="Now?", history=speak(6)), provider)
    assert len(provider.prompts) == 1


# What is kept.


def test_the_messages_are_as_the_golden_texts_say() -> None:
    provider = AnsweringProvider(answer)

    async def run() -> None:
        await ask(Chat(content="Now?", context="p" * 2001, history=speak(30, 100)), provider)

    anyio.run(run)
    prompt = provider.prompts[-1]
    assert prompt.messages[-1].content == (
        "A summary of the material:\n<material_00>\nA summary.\n</material_00>\n\nNow?"
    )
    assert all(isinstance(message, Message) for message in prompt.messages)
    assert [one.role != other.role for one, other in pairwise(prompt.messages)] == [True] * (len(prompt.messages) - 1)
