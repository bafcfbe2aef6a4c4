"""Cuts a text into sentences, well enough to quote from it. In doubt two sentences stay one."""

import re

# Longer ones are cut: a text without any full stop is still many pieces, and a quotation stays readable.
MAX_SENTENCE = 400

_CLOSING = "\"')\\]}»”’›」』）】〉》"
_FULL_WIDTH = "。！？｡．।॥۔؟։።။។"
_BREAK = re.compile(f"(?P<narrow>[.!?…]+)[{_CLOSING}]*|[{_FULL_WIDTH}]+[{_CLOSING}]*|(?P<lines>\\n\\s*)")
_LIST_ITEM = re.compile(r"(?:[-*+•·–#]+|\d{1,3}[.)]|[a-z]\))\s")
# What stands before a name or a number, in the languages of many European platforms.
_ABBREVIATION = re.compile(
    "abb|al|art|bd|bzw|ca|cf|ch|chap|dr|eds?|eq|etc|figs?|fr|hr|inc|jr|mag|mrs?|ms|mme|no|nr|op|pag|par|pp|prof|prop|sec|"
    "sig|sra?|st|tab|univ|vgl|vol|vs|гл|им|рис|см|ст|стр|табл|ул",
    re.IGNORECASE,
)


def split_sentences(text: str) -> list[str]:
    """Return the sentences of `text` in their order, each a part of it, without the white space around."""
    sentences: list[str] = []
    start = 0
    for match in _BREAK.finditer(text):
        if _ends_sentence(text, match):
            sentences += _clip(text[start : match.end()].strip())
            start = match.end()
    return sentences + _clip(text[start:].strip())


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    if match["lines"]:
        return match["lines"].count("\n") > 1 or _LIST_ITEM.match(text, match.end()) is not None
    if not match["narrow"]:
        return True
    following = text[match.end() : match.end() + 8]
    if following[:1].strip():
        return False  # 3.14, example.org
    if following.lstrip()[:1].islower():
        return False  # "Why?" she asked
    return match["narrow"] != "." or not _is_abbreviated(text[max(0, match.start() - 16) : match.start()])


def _is_abbreviated(before: str) -> bool:
    """Say whether the full stop behind `before` belongs to its last word: Dr, J, z.B, 14 (in "14. Mai")."""
    words = before.split()
    word = words[-1].strip("([{\"'„“") if words and not before[-1].isspace() else ""
    if word.isdecimal():
        return len(word) < 3
    is_initial = len(word) == 1 and word.isalpha()
    return is_initial or "." in word or bool(_ABBREVIATION.fullmatch(word))


def _clip(sentence: str) -> list[str]:
    """Return `sentence` in pieces of a bounded length, cut at white space where there is some."""
    pieces = []
    while len(sentence) > MAX_SENTENCE:
        cut = sentence.rfind(" ", MAX_SENTENCE // 2, MAX_SENTENCE)
        cut = MAX_SENTENCE if cut < 0 else cut
        pieces.append(sentence[:cut].rstrip())
        sentence = sentence[cut:].lstrip()
    return [*pieces, sentence] if sentence else pieces
