"""Keeps a long conversation within what a model can read: its latest turns as they are, the older ones in short."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from hashlib import blake2b

from sidecar.actions._base import Rules
from sidecar.actions._condense import CONVERSATION_TASK, Goal, condense, size
from sidecar.actions._fence import Visible
from sidecar.actions._model import Model
from sidecar.providers.interface import Message, Prompt, Stage

STAGE = "summarizing the conversation"
_WORDS = 250


def newest(turns: Sequence[Message], max_bytes: int) -> int:
    """Return from which turn on all fit; a conversation goes on with what a person said."""
    start, room = len(turns), max_bytes
    while start and (room := room - size(turns[start - 1].content)) >= 0:
        start -= 1
    while 0 < start < len(turns) and turns[start].role != "user":
        start += 1
    return start


async def fold(
    model: Model, turns: Sequence[Message], *, base: Prompt, rules: Rules, marker: str, max_bytes: int
) -> AsyncGenerator[Stage | tuple[Visible, int], None]:
    """Give how far it is, and last the summary of the older turns and the number of the first that is not in it.

    The summary rolls: it is made of the one before and of what was said since, and it leaves room for some turns, so
    that not every message needs a new one. Close it.

    Raises:
        SidecarError: it could not be made.
    """
    keys = _keys(turns, base)
    must = newest(turns, max_bytes)
    for start in range(must, len(turns) + 1):
        if (known := model.summaries.find(keys[start])) is not None:
            yield Visible(known), start
            return
    start = max(newest(turns, max_bytes // 2), must)
    async with model.summaries.hold(keys[start]) as place:
        if place.text is None:
            before = next((n for n in range(start - 1, 0, -1) if model.summaries.find(keys[n]) is not None), 0)
            told = [model.summaries.find(keys[before]) or "", *(f"{t.role}: {t.content}" for t in turns[before:start])]
            goal = Goal(task=CONVERSATION_TASK, stage=STAGE, max_bytes=0, words=_WORDS, at_least_once=True)
            text = Visible("\n\n".join(filter(None, told)))
            steps = condense(model, text, goal, base=base, rules=rules, marker=marker, part_bytes=rules.room_bytes)
            async with aclosing(steps):
                async for step in steps:
                    if isinstance(step, Stage):
                        yield step
                    else:
                        model.summaries.keep(keys[start], place, step)
        yield Visible(place.text or ""), start


def _keys(turns: Sequence[Message], base: Prompt) -> list[str]:
    """Return a key for each beginning of the conversation: the first for none of its turns, the last for all."""
    state = blake2b(f"history\0{base.model}\0".encode(), digest_size=16)
    keys = [state.hexdigest()]
    for turn in turns:
        content = turn.content.encode(errors="replace")
        state.update(f"{turn.role}\0{len(content)}\0".encode() + content)
        keys.append(state.hexdigest())
    return keys
