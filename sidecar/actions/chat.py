"""chat: answers the latest message of a conversation, with what the platform gives as context."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from msgspec.structs import replace

from protocol.messages import Chat
from sidecar.actions._base import Draft, Drafted, Rules, check_size, read_content, read_context
from sidecar.actions._conversation import Conversation, Told
from sidecar.actions._fence import is_blank, strip_invisible
from sidecar.actions._model import Model
from sidecar.actions._work import Plan
from sidecar.errors import ContextTooLong
from sidecar.providers.interface import Message, Piece, Prompt, Stage, Text

_TASK = """
Your task: answer the person's latest message. Help to understand instead of only handing over a solution: explain the
idea, give a hint or the next step, look at what the person has tried, and ask back where that helps more. Be friendly,
and as brief as the question allows. Where material comes with the message, build on it, and say so when you go beyond.
""".strip()


def draft(request: Chat, rules: Rules, marker: str) -> Draft:
    """Give the history as turns, then one message: the fenced context, and what the person wrote.

    Raises:
        TooLarge: all texts together are.
        InvalidParameter: `content` is blank.
    """
    history = request.history or ()
    texts = [request.content, request.context or "", *(turn.content for turn in history)]
    check_size("`content`, `context` and `history` together", texts, rules.max_chat_bytes)
    content, context = read_content(request), read_context(request)
    turns = [(turn.role, strip_invisible(turn.content)) for turn in history]
    # An answer that was cut off before its first word leaves an empty turn, which some providers refuse.
    conversation = Conversation(
        turns=tuple(Message(role, said) for role, said in turns if not is_blank(said)), content=content
    )
    told = Told(context=context)
    return Draft(
        task=_TASK,
        messages=conversation.write(told, marker),
        subject=context or content,
        plan=partial(_plan, conversation, told),
    )


def _plan(conversation: Conversation, told: Told, drafted: Drafted) -> Plan:
    async def chat(model: Model, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        current = told
        if not conversation.fits(told, drafted.rules):
            async with aclosing(conversation.shorten(told, model, drafted)) as steps:
                async for step in steps:
                    if isinstance(step, Stage):
                        yield step
                    else:
                        current = step
        has_text = False
        try:
            async with aclosing(_say(conversation, current, model, drafted)) as pieces:
                async for piece in pieces:
                    has_text = has_text or isinstance(piece, Text)
                    yield piece
            return
        except ContextTooLong:
            # The model reads less than the settings say. Once more, with half of it.
            trimmed = conversation.trim(current)
            if has_text or trimmed == current:
                raise
        async with aclosing(_say(conversation, trimmed, model, drafted)) as pieces:
            async for piece in pieces:
                yield piece

    return chat


async def _say(conversation: Conversation, told: Told, model: Model, drafted: Drafted) -> AsyncGenerator[Piece, None]:
    """Ask; what was left out is said before the first word of the answer."""
    prompt = replace(
        drafted.prompt,
        messages=conversation.write(told, drafted.marker),
        subject=told.context or conversation.content,
    )
    note = told.note
    async with aclosing(model.stream(prompt)) as pieces:
        async for piece in pieces:
            if note and isinstance(piece, Text):
                yield Text(note)
                note = ""
            yield piece
