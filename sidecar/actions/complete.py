"""complete: answers the messages of a client of OpenAI as they are, without a prompt of ours and without fences."""

from protocol.messages import Complete
from sidecar.actions._base import Draft, Rules, check_size
from sidecar.errors import InvalidParameter
from sidecar.providers.interface import Message


def draft(request: Complete, rules: Rules, _marker: str) -> Draft:
    """Give the messages; the first, if it is one of the system, as the system prompt.

    Raises:
        TooLarge: all texts together are.
        InvalidParameter: they are all blank.
    """
    turns = request.turns
    check_size("`messages` together", [turn.content for turn in turns], rules.max_chat_bytes)
    if not any(turn.content.strip() for turn in turns):
        raise InvalidParameter("`messages` are blank.")
    has_system = turns[0].role == "system"
    return Draft(
        task="",
        system=turns[0].content if has_system else "",
        messages=tuple(Message(turn.role, turn.content) for turn in turns[has_system:]),
        subject=request.content,
    )
