"""Makes a long text short: in parts that a model can read, each to notes, as often as it takes.

Notes of parts say more than a cut text: nothing is left unread.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio.to_thread
from msgspec import Struct
from msgspec.structs import replace

from sidecar.actions._base import Rules, write_notes_prompt
from sidecar.actions._fence import Visible, fence, strip_invisible
from sidecar.actions._model import Model, Said
from sidecar.errors import UpstreamError
from sidecar.providers.interface import Message, Prompt, Stage
from sidecar.texts.split import split, take_bytes

NOTES_TASK = """
Your task: take notes on a part of a longer text, for somebody who has to work with the whole and will see only notes.
Keep what the part says, in its order: its main ideas, terms with their definitions, names, numbers and conclusions.
Leave out examples and repetitions. Write short sentences, without an introduction and without a comment of your own.
""".strip()

CONTEXT_TASK = """
Your task: summarize the material, for somebody who has to answer a student's questions about it and will see only your
summary. Keep what it says, in its order: its main ideas, terms with their definitions, names, numbers, dates and tasks.
Write short sentences, without an introduction and without a comment of your own.
""".strip()

CONVERSATION_TASK = """
Your task: summarize the earlier part of a conversation between a student and you, for your own use later in it. Keep
what the student wants and already understands, what was explained and agreed upon, and what is still open, with names
and numbers. Write short sentences, without an introduction.
""".strip()

# Notes are so much shorter than what they are about, at least. So a text shrinks at each level, whatever a model does.
_SHORTER = 8
_MAX_LEVELS = 8
_FEWEST_BYTES = 256
_FEWEST_WORDS = 20

# Splitting so much takes a millisecond; more is given to a thread.
_INLINE_CHARACTERS = 50_000


class Goal(Struct, frozen=True, kw_only=True):
    """To what a text is to be condensed."""

    task: str
    stage: str
    """What is said of it while it runs."""
    max_bytes: int
    """Of the notes. A text that one part holds is made as short as it gets, even if that is longer."""
    words: int = 200
    """How long the notes on one part shall be."""
    at_least_once: bool = False
    """Whether also a text that fits already is condensed."""


def size(text: str) -> int:
    """Return the bytes of `text` in UTF-8."""
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


async def condense(
    model: Model, text: Visible, goal: Goal, *, base: Prompt, rules: Rules, marker: str, part_bytes: int
) -> AsyncGenerator[Stage | Visible, None]:
    """Give how far it is, and last the notes. `base` says which model is asked, and how. Close it.

    Raises:
        SidecarError: a part could not be read, or nothing was written about it.
    """
    note_bytes = max(part_bytes // _SHORTER, _FEWEST_BYTES)
    tokens = min(rules.max_tokens, note_bytes // 3)
    words = min(goal.words, max(tokens * 2 // 3, _FEWEST_WORDS))
    asked = replace(
        base,
        action="condense",
        system=write_notes_prompt(f"{goal.task} Write at most {words} words."),
        max_tokens=tokens,
        # Notes are shared by all who ask about the same text.
        temperature=None,
        paced=False,
        schema=None,
        length="medium",
        bullets=False,
    )
    for level in range(_MAX_LEVELS):
        if size(text) <= goal.max_bytes and not (goal.at_least_once and not level):
            break
        parts = await _split(text, part_bytes)
        prompts = [_ask_for_notes(asked, part, number, len(parts), marker) for number, part in enumerate(parts, 1)]
        notes: list[Said] = []
        stage = goal.stage if not level else f"{goal.stage}: joining"
        async with aclosing(model.ask_each(prompts, max_bytes=note_bytes, stage=stage)) as steps:
            async for step in steps:
                if isinstance(step, Stage):
                    yield step
                else:
                    notes = step
        _check(notes)
        text = strip_invisible("\n\n".join(take_bytes(said.text.strip(), note_bytes) for said in notes))
        if len(parts) == 1:
            break
    yield text


def _check(notes: list[Said]) -> None:
    """Refuse to go on without a part: what is written of the others would be taken for the whole."""
    for number, said in enumerate(notes, 1):
        if not said.text.strip():
            raise UpstreamError(f"The model wrote nothing about part {number} of {len(notes)} of the text.")


def _ask_for_notes(asked: Prompt, part: str, number: int, total: int, marker: str) -> Prompt:
    # A part of visible text is visible.
    what = "The text" if total == 1 else f"Part {number} of {total}"
    content = f"{what}:\n{fence(Visible(part), marker)}\n\nNow write."
    return replace(asked, messages=(Message("user", content),), subject=part)


async def _split(text: str, part_bytes: int) -> list[str]:
    if len(text) <= _INLINE_CHARACTERS:
        return split(text, max_bytes=part_bytes)
    # Abandoned on cancel: bounded work without effects.
    return await anyio.to_thread.run_sync(lambda: split(text, max_bytes=part_bytes), abandon_on_cancel=True)
