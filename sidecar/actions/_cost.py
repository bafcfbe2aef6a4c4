"""What a reply may cost, said before anything is asked: so much is set aside of what its user has left."""

from sidecar.actions._base import Rules
from sidecar.providers.interface import Prompt
from sidecar.texts.tokens import tokens_in


def most_tokens(prompt: Prompt, rules: Rules) -> int:
    """Return about how many tokens all calls for a reply take at most, by rule of thumb.

    A text that is read in parts is sent once, and notes on it, an eighth of it, once for each level; a context that is
    summarized first is sent once more as its summary. An answer in JSON may have to be asked for again.
    """
    sent = prompt.estimate_tokens()
    sent += sent // 2
    if sent > tokens_in(rules.room_bytes):
        sent += tokens_in(rules.room_bytes)
    whole = sent + prompt.max_tokens
    return 2 * whole if prompt.schema is not None else whole
