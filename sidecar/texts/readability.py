"""Measures how hard a text is to read, in any language: by the length of its sentences and words.

LIX (Björnsson 1968) needs no list of syllables or words, so it means about the same across languages with spaces: the
words of a sentence on average, and the percentage of words with more than six letters. In scripts without spaces there
are no words to count without a dictionary: there it is the characters of a sentence on average.
"""

import re
from typing import Literal

from msgspec import Struct

from sidecar.texts.extract import find_runs
from sidecar.texts.sentences import split_sentences

# Of a long text, so many pieces from all over it are measured: 0.1 s, and as telling as the whole.
_PIECES = 8
_PIECE_CHARACTERS = 10_000

_LONG_WORD = 6
# The bounds that Björnsson gave: children's books, fiction, factual prose, technical texts.
_LIX_BOUNDS = (30.0, 40.0, 50.0, 60.0)
# A rule of thumb for Chinese and Japanese.
_CHARACTER_BOUNDS = (15.0, 25.0, 35.0, 50.0)
_WORD = re.compile(r"[^\W_]")

Grade = Literal["very easy", "easy", "medium", "hard", "very hard"]
GRADES: tuple[Grade, ...] = ("very easy", "easy", "medium", "hard", "very hard")


class Readability(Struct, frozen=True):
    """How hard a text is to read."""

    measure: Literal["lix", "characters per sentence"]
    value: float
    grade: Grade


def measure(text: str) -> Readability | None:
    """Return how hard `text` is to read, or None where it has no words. Takes up to 0.1 s for a long text."""
    words = long_words = characters = sentences = 0
    for sentence in split_sentences(_sample(text)):
        before = words + characters
        for run, is_spaceless in find_runs(sentence):
            if is_spaceless:
                characters += len(run)
            elif _WORD.search(run):
                words += 1
                long_words += len(run) > _LONG_WORD
        sentences += words + characters > before
    if not sentences:
        return None
    if characters > words:
        value, bounds = (characters + words) / sentences, _CHARACTER_BOUNDS
        return Readability("characters per sentence", round(value, 1), _grade(value, bounds))
    value, bounds = words / sentences + 100 * long_words / words, _LIX_BOUNDS
    return Readability("lix", round(value, 1), _grade(value, bounds))


def _grade(value: float, bounds: tuple[float, ...]) -> Grade:
    return GRADES[sum(value >= bound for bound in bounds)]


def _sample(text: str) -> str:
    """Return `text`, or pieces from all over it, each from the beginning of a line or of a word."""
    if len(text) <= _PIECES * _PIECE_CHARACTERS:
        return text
    step = len(text) // _PIECES
    pieces = [text[start : start + _PIECE_CHARACTERS] for start in range(0, step * _PIECES, step)]
    return "\n\n".join(piece.partition("\n")[2] or piece.partition(" ")[2] or piece for piece in pieces)
