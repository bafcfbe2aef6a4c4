"""Cuts a text into parts that are small enough for a model, where its author has made a break.

The parts joined are the text again, to the last character: nothing is lost, repeated or moved.
"""

import re
from collections.abc import Iterator

# From the best place to the worst; each is a break *before* which the text is cut. The last one in the second half of
# what would fit is taken, so that a part is never much smaller than it could be. Texts, which `re` compiles once: few
# starts need them.
_BREAKS = (
    r"(?<=\n)(?=#{1,6}[ \t]|[^\n]{1,200}\n(?:={3,}|-{3,})[ \t]*\n)",  # a heading of Markdown, of either kind
    r"(?<=\n)[ \t\r]*\n(?=[^\s])",  # a paragraph
    r"(?<=\n)(?=[^\n])",  # a line
    # Not within a run of dots: to begin at each of them would take the square of their number.
    r"(?:(?<![.!?…])[.!?…]+[\"')\]}»”’›」』）】]*\s+|[。！？｡．।॥۔؟។။]+[\"')\]}»”’›」』）】]*)",  # a sentence
    r"\s+",
)


def split(text: str, *, max_bytes: int) -> list[str]:
    """Return the parts of `text`, each of at most `max_bytes` bytes of UTF-8, which are at least 4.

    Takes about 0.1 s for 5 MB.
    """
    return list(_split(text, max_bytes))


def _split(text: str, max_bytes: int) -> Iterator[str]:
    start = 0
    while start < len(text):
        window = take_bytes(text[start : start + max_bytes], max_bytes)
        if start + len(window) < len(text):
            window = window[: _find_cut(window)]
        yield window
        start += len(window)


def take_bytes(text: str, max_bytes: int) -> str:
    """Return the beginning of `text`, at most so many bytes of UTF-8, cut between two characters."""
    if len(text) * 4 <= max_bytes or (text.isascii() and len(text) <= max_bytes):
        return text
    return text[:max_bytes].encode(errors="replace")[:max_bytes].decode(errors="ignore")


def _find_cut(window: str) -> int:
    """Return where to cut `window`, which does not end where a part should."""
    half = len(window) // 2
    for pattern in _BREAKS:
        cut = 0
        for match in re.compile(pattern).finditer(window, half):
            cut = match.end()
        if half < cut < len(window):
            return cut
    return len(window)
