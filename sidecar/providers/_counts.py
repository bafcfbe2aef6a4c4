"""Counts of tokens, as providers write them and as they slip."""

from typing import Annotated

from msgspec import Meta

from protocol.messages import Usage

# Above this, programs that read numbers as floats see another one; and no text has so many.
_TOO_MANY = 2**53

Count = Annotated[int, Meta(ge=0, lt=_TOO_MANY)]


def read_count(count: object) -> int | None:
    """Return what is a count; of all else nothing."""
    if isinstance(count, float) and count.is_integer():
        count = int(count)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count < _TOO_MANY:
        return None
    return count


def make_usage(prompt_tokens: int | None, completion_tokens: int | None) -> Usage | None:
    """Return nothing where one is missing, or where both are 0, as servers write that do not count.

    Both are estimated then.
    """
    if prompt_tokens is None or completion_tokens is None or not (prompt_tokens or completion_tokens):
        return None
    return Usage(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
