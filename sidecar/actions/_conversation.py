"""What a model is told of a conversation: all of it, or, where that is too long, parts of it in short."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from hashlib import blake2b

from msgspec.structs import replace

from sidecar.actions._base import Drafted, Rules
from sidecar.actions._condense import CONTEXT_TASK, Goal, condense, size
from sidecar.actions._fence import Visible, fence
from sidecar.actions._history import fold, newest
from sidecar.actions._model import Model
from sidecar.errors import SidecarError
from sidecar.providers.interface import Message, Stage
from sidecar.texts.split import take_bytes
from sidecar.unprinted import Unprinted

STAGE = "summarizing the context"

# A summary of less says nothing, however low the threshold is.
_LEAST_CHARACTERS = 500
_CHARACTERS_PER_WORD = 8
# However much context and question take, so much of what a model reads is for what was said before.
_FOR_HISTORY = 8


class Told(Unprinted, frozen=True, kw_only=True):
    """What a model is told beside the question."""

    context: Visible | None
    is_summary: bool = False
    """Whether the context is a summary."""
    earlier: Visible | None = None
    """A summary of the turns before the first."""
    first_turn: int = 0
    left_out: tuple[str, ...] = ()
    """What a person should know of what the model was not told."""

    @property
    def note(self) -> str:
        return f"[{' '.join(self.left_out)}]\n\n" if self.left_out else ""


class Conversation(Unprinted, frozen=True, kw_only=True):
    """The turns so far, and the latest message."""

    turns: tuple[Message, ...]
    content: Visible

    def write(self, told: Told, marker: str) -> tuple[Message, ...]:
        """Return the messages: the summary of the earlier turns, the later ones, the fenced context, the question."""
        question = self.content
        if told.context and told.is_summary:
            question = Visible(f"A summary of the material:\n{fence(told.context, marker)}\n\n{question}")
        elif told.context:
            question = Visible(f"{fence(told.context, marker)}\n\n{question}")
        messages = [*self.turns[told.first_turn :], Message("user", question)]
        if told.earlier:
            # In the first message, not as one of its own: some models want that the two sides take turns.
            first = messages[0].content
            earlier = f"What was said before, in short:\n{fence(told.earlier, marker)}\n\n{first}"
            messages[0] = Message("user", earlier)
        return tuple(messages)

    def fits(self, told: Told, rules: Rules) -> bool:
        """Say whether all can be told as it is."""
        if told.context is not None and len(told.context) > rules.summarize_threshold:
            return False
        return _turns_bytes(self.turns) <= self._history_bytes(told, rules)

    async def shorten(self, told: Told, model: Model, drafted: Drafted) -> AsyncGenerator[Stage | Told, None]:
        """Give how far it is, and last what the model is told instead. Close it."""
        rules = drafted.rules
        if told.context is not None and len(told.context) > rules.summarize_threshold:
            async with aclosing(_shorten_context(told, told.context, model, drafted)) as steps:
                async for step in steps:
                    if isinstance(step, Stage):
                        yield step
                    else:
                        told = step
        room = self._history_bytes(told, rules)
        if _turns_bytes(self.turns) > room:
            folding = fold(model, self.turns, base=drafted.prompt, rules=rules, marker=drafted.marker, max_bytes=room)
            try:
                async with aclosing(folding):
                    async for folded in folding:
                        if isinstance(folded, Stage):
                            yield folded
                        else:
                            told = replace(told, earlier=folded[0], first_turn=folded[1])
            except SidecarError:
                told = self._forget(told, room)
        yield told

    def trim(self, told: Told) -> Told:
        """Return half of what a model was told, for one that could not read it all."""
        context = told.context
        if context is not None:
            half = Visible(take_bytes(context, size(context) // 2))
            told = replace(told, context=half, left_out=(*told.left_out, "Only a part of the material could be read."))
        if told.first_turn < len(self.turns):
            told = self._forget(told, _turns_bytes(self.turns[told.first_turn :]) // 2)
        return told

    def _forget(self, told: Told, max_bytes: int) -> Told:
        first = newest(self.turns, max_bytes)
        left_out = (*told.left_out, "The beginning of the conversation was too long to be read again.")
        return replace(told, first_turn=first, left_out=left_out)

    def _history_bytes(self, told: Told, rules: Rules) -> int:
        room = rules.room_bytes
        return max(room - size(self.content) - size(told.context or ""), room // _FOR_HISTORY)


def _turns_bytes(turns: tuple[Message, ...]) -> int:
    return sum(size(turn.content) for turn in turns)


async def _shorten_context(
    told: Told, context: Visible, model: Model, drafted: Drafted
) -> AsyncGenerator[Stage | Told, None]:
    """Summarize the context, once for all who ask about it; where that fails, cut it."""
    rules = drafted.rules
    limit = max(rules.summarize_threshold, _LEAST_CHARACTERS)
    key = _key(context, drafted)
    goal = Goal(task=CONTEXT_TASK, stage=STAGE, max_bytes=0, words=limit // _CHARACTERS_PER_WORD, at_least_once=True)
    if model.summaries.find(key) is None:
        yield Stage(STAGE, 0, 1)  # it may have to wait for somebody else who makes it
    async with model.summaries.hold(key) as place:
        if place.text is None and not place.has_failed:
            try:
                steps = condense(
                    model,
                    context,
                    goal,
                    base=drafted.prompt,
                    rules=rules,
                    marker=drafted.marker,
                    part_bytes=rules.room_bytes,
                )
                async with aclosing(steps):
                    async for step in steps:
                        if isinstance(step, Stage):
                            yield step
                        elif step.strip():
                            # A model that was asked to be brief and is not is taken at our word.
                            model.summaries.keep(key, place, step[: 2 * limit])
            except SidecarError:
                place.has_failed = True
        summary = place.text
    if summary is not None:
        yield replace(told, context=Visible(summary), is_summary=True)
        return
    cut = f"Only the first {limit} characters of the material were read: it could not be summarized."
    yield replace(told, context=Visible(context[:limit]), left_out=(*told.left_out, cut))


def _key(context: str, drafted: Drafted) -> str:
    parts = f"context\0{drafted.prompt.model}\0{drafted.rules.summarize_threshold}\0".encode()
    return blake2b(parts + context.encode(errors="replace"), digest_size=16).hexdigest()
