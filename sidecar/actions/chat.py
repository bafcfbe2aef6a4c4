"""chat: answers the latest message of a conversation, with what the platform gives as context."""

from protocol.messages import Chat
from sidecar.actions._base import Draft, Rules, check_size, read_content, read_context
from sidecar.actions._fence import fence, strip_invisible
from sidecar.providers.interface import Message

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
    turns = [Message(turn.role, strip_invisible(turn.content)) for turn in history]
    # An answer that was cut off before its first word leaves an empty turn, which some providers refuse.
    turns = [turn for turn in turns if turn.content.strip()]
    question = f"{fence(context, marker)}\n\n{content}" if context else content
    return Draft(task=_TASK, messages=(*turns, Message("user", question)), subject=context or content)
