"""Works on a text of any length: as it is where a model can read it in one go, else by notes on its parts."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from msgspec import Struct

from sidecar.actions._base import Rules
from sidecar.actions._condense import NOTES_TASK, Goal, condense, size
from sidecar.actions._fence import Visible
from sidecar.actions._model import Model
from sidecar.errors import ContextTooLong
from sidecar.providers.interface import Piece, Prompt, Stage, Text

# Of what a model can read, so much is for the background.
_FOR_CONTEXT = 4
# A model that turns out to read less than the settings say is asked once more with so much less.
_SMALLER = 3
_SMALLEST_BYTES = 500

Last = Callable[[Model, Prompt], AsyncGenerator[Piece, None]]


class Document(Struct, frozen=True, kw_only=True):
    """A text, its background, and how a model is asked about them."""

    text: Visible
    context: Visible | None
    write: Callable[[Visible, Visible | None, bool], Prompt]
    """Makes the prompt of the text, or of notes on it (then True), and of the background."""
    rules: Rules
    marker: str
    stage: str


async def work_on(document: Document, model: Model, last: Last) -> AsyncGenerator[Piece, None]:
    """Give the stages, then the pieces of `last`, which asks the last question. Close it.

    Raises:
        SidecarError: a question could not be answered.
    """
    whole = size(document.text) + size(document.context or "")
    room = document.rules.room_bytes
    for available in (room, min(room, whole) // _SMALLER):
        has_text = False
        try:
            async with aclosing(_try(document, model, last, available)) as pieces:
                async for piece in pieces:
                    has_text = has_text or isinstance(piece, Text)
                    yield piece
            return
        except ContextTooLong:
            if has_text or available != room or min(room, whole) // _SMALLER < _SMALLEST_BYTES:
                raise


async def _try(document: Document, model: Model, last: Last, room: int) -> AsyncGenerator[Piece, None]:
    text, context = document.text, document.context
    prompt = document.write(text, context, False)
    if size(text) + size(context or "") > room:
        goals = (("background", room // _FOR_CONTEXT), (document.stage, room - room // _FOR_CONTEXT))
        made = []
        for source, (stage, max_bytes) in zip((context, text), goals, strict=True):
            notes = source
            if source is not None:
                goal = Goal(task=NOTES_TASK, stage=stage, max_bytes=max_bytes)
                steps = condense(
                    model, source, goal, base=prompt, rules=document.rules, marker=document.marker, part_bytes=room
                )
                async with aclosing(steps):
                    async for step in steps:
                        if isinstance(step, Stage):
                            yield step
                        else:
                            notes = step
            made.append(notes)
        context, notes_on_text = made
        assert notes_on_text is not None  # noqa: S101 - there is always a text
        prompt = document.write(notes_on_text, context, notes_on_text is not text)
    async with aclosing(last(model, prompt)) as pieces:
        async for piece in pieces:
            yield piece
