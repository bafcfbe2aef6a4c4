"""Chooses sentences and terms of a text by counting: no model, no word lists, no chance.

A term weighs most if some of the sentences have it: what one has is no subject of the text, and what nearly all have is
no subject of anything. So "the" drops out, in every language. Scripts without spaces are counted in pairs of letters.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from msgspec import Struct

from sidecar.texts.sentences import split_sentences

# Thai to Lao, Myanmar, Khmer, hiragana, Han: no spaces between words. Katakana is left out: it mostly writes one word.
_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u309f\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# Vowel signs and points, which Python does not count among the letters; of India's scripts all but the full stops.
_MARKS = "\u0300-\u036f\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
_RUN = re.compile(f"(?P<spaceless>[{_SPACELESS}]+)|(?:[^\\W{_SPACELESS}]|[{_MARKS}])+")
# Of these scripts a pair of characters means nothing by itself; of Han it mostly is a word.
_FRAGMENT = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u309f]")

# What one sentence has is rarely what the text is about, but some texts have nothing else.
_ONCE = 0.3

# A sentence of few terms would win by one heavy term: as many light ones are added to each.
_SMOOTHING = 6

# In terms: with fewer nobody can tell what is missing.
_SHORTEST_QUESTION = 4
GAP = "[...]"


class Corpus(Struct, frozen=True):
    """A text cut into sentences, and what its terms weigh."""

    sentences: Sequence[str]
    """As they stand in the text."""
    terms: Sequence[Sequence[str]]
    """The terms of each sentence, in lower case."""
    counts: Counter[str]
    weights: dict[str, float]


def read_corpus(text: str) -> Corpus:
    """Return the sentences of `text` with their terms and weights."""
    sentences = split_sentences(text)
    terms = [find_terms(sentence) for sentence in sentences]
    counts: Counter[str] = Counter()
    spread: Counter[str] = Counter()
    for found in terms:
        counts.update(found)
        spread.update(dict.fromkeys(found, 1))
    # Words are the longer, the more they say; from eight letters on that ends.
    weights = {
        term: (_ONCE + math.log(occurs)) * math.log((len(sentences) + 1) / occurs) * min(len(term), 8)
        for term, occurs in spread.items()
    }
    return Corpus(sentences, terms, counts, weights)


def find_terms(text: str) -> list[str]:
    """Return the words of `text` in lower case and, for scripts without spaces, the pairs of neighbours."""
    terms: list[str] = []
    for match in _RUN.finditer(text.lower()):
        run = match[0]
        if match["spaceless"] and len(run) > 1:
            terms += map("".join, pairwise(run))
        elif word := run.strip("_"):
            terms.append(word)
    return terms


def find_runs(text: str) -> Iterator[tuple[str, bool]]:
    """Give the words of `text`, and the runs of scripts without spaces, which are said to be that."""
    for match in _RUN.finditer(text):
        yield match[0], match["spaceless"] is not None


def count_words(text: str) -> tuple[int, int]:
    """Return the number of words and, for scripts without spaces, the number of characters."""
    words = characters = 0
    for run, is_spaceless in find_runs(text):
        if is_spaceless:
            characters += len(run)
        else:
            words += 1
    return words, characters


def choose_central(corpus: Corpus, count: int) -> list[str]:
    """Return up to `count` sentences that say most of the text, in the order of the text."""
    scores = []
    for index, terms in enumerate(corpus.terms):
        distinct = dict.fromkeys(terms)  # a set has no order, and the order decides how a sum is rounded
        mean = sum(corpus.weights[term] for term in distinct) / (len(distinct) + _SMOOTHING)
        # Authors say early what matters.
        scores.append(mean * (1 + 0.5 / (1 + index)))
    return _best(corpus, scores, range(len(scores)), count)


def choose_fitting(corpus: Corpus, question: str, count: int) -> list[str]:
    """Return up to `count` sentences that share terms with `question`, in the order of the text."""
    asked = dict.fromkeys(find_terms(question))
    wanted = [term for term in asked if _is_telling(term)] or asked
    scores = []
    for terms in corpus.terms:
        present = set(terms)
        shared = sum(corpus.weights[term] for term in wanted if term in present)
        scores.append(shared / math.sqrt(len(present) + _SMOOTHING))
    return _best(corpus, scores, [index for index, score in enumerate(scores) if score > 0], count)


def _best(corpus: Corpus, scores: Sequence[float], indexes: Iterable[int], count: int) -> list[str]:
    """Return the sentences with the highest scores, no two with the same terms."""
    chosen: dict[tuple[str, ...], int] = {}
    for index in sorted(indexes, key=lambda index: (-scores[index], index)):
        if len(chosen) == count:
            break
        terms = tuple(corpus.terms[index]) or (corpus.sentences[index],)
        chosen.setdefault(terms, index)
    return [corpus.sentences[index] for index in sorted(chosen.values())]


def rank_terms(corpus: Corpus, count: int) -> list[str]:
    """Return up to `count` terms that the text is about, the most frequent first."""
    real = [term for term in corpus.counts if _is_telling(term)]
    repeated = [term for term in real if corpus.counts[term] > 1]
    heaviest = sorted(repeated or real, key=lambda term: -corpus.weights[term])[:count]
    return sorted(heaviest, key=lambda term: -corpus.counts[term])


def find_form(corpus: Corpus, term: str) -> str:
    """Return `term` as the text writes it: in lower case, if it ever does."""
    forms = [
        match[0].strip("_")
        for sentence, terms in zip(corpus.sentences, corpus.terms, strict=True)
        if term in terms
        for match in _RUN.finditer(sentence)
        if match[0].lower().strip("_") == term
    ]
    return term if term in forms else next(iter(forms), term)


def _is_telling(term: str) -> bool:
    """Say whether `term` can be shown by itself: no number, no short word, no fragment."""
    shortest = 2 if term[0] >= "\u3000" else 4  # a character of East Asia is a syllable
    return len(term) >= shortest and not term.isdecimal() and not _FRAGMENT.search(term)


def make_gaps(corpus: Corpus, count: int) -> list[tuple[str, str]]:
    """Return up to `count` pairs of a sentence with a gap and the term that fills it, each term once."""
    gaps: dict[str, str] = {}
    for sentence in choose_central(corpus, 2 * count):
        terms = find_terms(sentence)
        telling = [term for term in terms if _is_telling(term) and term not in gaps]
        if telling and len(terms) >= _SHORTEST_QUESTION and len(gaps) < count:
            term = max(telling, key=corpus.weights.__getitem__)
            gaps[term] = _leave_out(term, sentence)
    return [(sentence, term) for term, sentence in gaps.items()]


def _leave_out(term: str, sentence: str) -> str:
    def replace(match: re.Match[str]) -> str:
        run = match[0]
        if match["spaceless"]:
            return run.replace(term, GAP)
        word = run.strip("_")
        return run.replace(word, GAP) if word.lower() == term else run

    return _RUN.sub(replace, sentence)
