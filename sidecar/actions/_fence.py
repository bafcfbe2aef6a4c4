"""Fences off text that others wrote, so that a model can tell it from what it is asked to do.

A fence cannot make a model obey, it makes the border plain: a marker that is new in every request, that no author can
know, and that the text between cannot hold. What a reader cannot see is taken out first: it carries hidden orders.
"""

import re
import secrets
from typing import NewType

Visible = NewType("Visible", str)
"""Text that `strip_invisible` returned."""

# Embeddings, overrides and isolates show a text in another order than a model reads it. U+200E and U+200F stay: they
# reorder nothing by themselves, and honest Arabic and Hebrew texts have them.
_BIDI_CONTROLS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

# No reader sees them, and models read them as ASCII. The flags of England, Scotland and Wales become a black flag.
_TAG_CHARACTERS = "[\U000e0000-\U000e007f]+"
_TAG_BYTE = b"\xf3"  # how each of them begins in UTF-8, and little else


# White space, and what Unicode has shown as nothing (Default_Ignorable_Code_Point). Within a text these have a meaning.
_BLANK = (
    r"[\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]*"
)


def new_marker() -> str:
    """Return a marker for one request."""
    return f"material_{secrets.token_hex(8)}"


def strip_invisible(text: str) -> Visible:
    """Return `text` without tag characters and bidi controls."""
    if text.isascii():
        return Visible(text)
    # A search in the bytes and nine in the text take a tenth of the time of one expression for all. To replace what is
    # not there takes ten times as long as to look.
    if _TAG_BYTE in text.encode():
        text = re.sub(_TAG_CHARACTERS, "", text)
    for control in _BIDI_CONTROLS:
        if control in text:
            text = text.replace(control, "")
    return Visible(text)


def is_blank(text: Visible) -> bool:
    """Say whether there is nothing in it to be read."""
    if " " < text[:1] < "\x7f":  # as nearly every text begins: it takes no expression, which each start would compile
        return False
    return re.fullmatch(_BLANK, text) is not None


def fence(text: Visible, marker: str) -> str:
    """Return `text` between two lines that hold `marker`, which occurs nowhere else in it."""
    # A space, not nothing: what stood on both sides of a marker could join to another one.
    return f"<{marker}>\n{text.replace(marker, ' ')}\n</{marker}>"
