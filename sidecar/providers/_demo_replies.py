"""Writes what the demo provider says: counted and cut out of the text that it was given, and labelled so."""

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sidecar.providers.interface import Prompt
from sidecar.texts.extract import (
    Corpus,
    choose_central,
    choose_fitting,
    count_words,
    find_form,
    make_gaps,
    rank_terms,
    read_corpus,
)

LABEL = "[Demo without a language model] "

# Read in 0.05 to 0.2 s. A demonstration needs no more, and the machine has other guests.
MAX_SUBJECT_BYTES = 200_000

# A short material is read on the event loop, and its question with it: this takes 0.5 ms.
MAX_QUESTION_CHARACTERS = 2000

_SENTENCES: Mapping[str, int] = MappingProxyType({"short": 2, "medium": 5, "long": 10})
_LIST_MARK = re.compile(r"\A(?:[-*+•·–#>]+|\d{1,3}[.)])\s+")
_CLIPPED_CHARACTERS = 120
_NOTHING = "The text has no sentences to work with."


def write_reply(prompt: Prompt) -> str:
    """Return the whole reply to `prompt`. Takes up to 0.2 s for a long text."""
    if prompt.action == "condense":
        # Notes, which nobody sees but ourselves, in a next prompt.
        return " ".join(map(_tidy, choose_central(read_corpus(prompt.subject), 5))) or _NOTHING
    subject = prompt.subject[:MAX_SUBJECT_BYTES].encode()[:MAX_SUBJECT_BYTES].decode(errors="ignore")
    corpus = read_corpus(subject)
    match prompt.action:
        case "summarize":
            reply = _summarize(corpus, prompt)
        case "analyze" if prompt.schema is not None:
            return _analyze_as_json(corpus)
        case "analyze":
            reply = _analyze(corpus)
        case _:
            reply = _chat(corpus, prompt)
    if len(subject) < len(prompt.subject):
        # In front, where no limit of tokens cuts it off.
        reply = f"(Only the first {MAX_SUBJECT_BYTES // 1000} kB of the text were read.) {reply}"
    return LABEL + reply


def _chat(corpus: Corpus, prompt: Prompt) -> str:
    question = _find_question(prompt)
    source = "material" if question else "message"
    intro = (
        "I cannot think or answer; I only show that the way from Moodle to this service and back works. "
        "Real answers come once a language model is set up."
    )
    fitting = choose_fitting(corpus, question, 3)
    if fitting:
        return f"{intro} These sentences of the {source} fit your question best:\n\n{_quote(fitting)}"
    central = choose_central(corpus, 2)
    if central:
        return f"{intro} These sentences stand out in the {source}:\n\n{_quote(central)}"
    return intro


def _find_question(prompt: Prompt) -> str:
    """Return the beginning of what the person asked about the material, or nothing where there is no material.

    The last message is the fenced material, then the question; of the fence only the marker's line is left, which is
    in no material.
    """
    if not (prompt.messages and prompt.subject):
        return ""
    _, found, question = prompt.messages[-1].content.rpartition(prompt.subject)
    return question[:MAX_QUESTION_CHARACTERS] if found else ""


def _summarize(corpus: Corpus, prompt: Prompt) -> str:
    # At most half of a short text: what repeats everything is no summary.
    count = min(_SENTENCES[prompt.length], (len(corpus.sentences) + 1) // 2)
    chosen = [_tidy(sentence) for sentence in choose_central(corpus, count)]
    if not chosen:
        return _NOTHING
    if prompt.bullets:
        return "Sentences of the text:\n\n" + "\n".join(f"- {sentence}" for sentence in chosen)
    return "Sentences of the text: " + " ".join(chosen)


def _analyze(corpus: Corpus) -> str:
    if not corpus.sentences:
        return _NOTHING
    sections = [
        "This analysis is counted and cut out of the text, not understood.",
        f"**Size**: {_measure(corpus.sentences)}",
    ]
    if terms := rank_terms(corpus, 8):
        listed = ", ".join(f"{find_form(corpus, term)} ({corpus.counts[term]})" for term in terms)
        sections.append(f"**Frequent terms**: {listed}")
    sections.append(f"**How it begins**\n\n{_quote(corpus.sentences[:1])}")
    sections.append(f"**Central sentences**\n\n{_quote(choose_central(corpus, 3))}")
    if gaps := make_gaps(corpus, 2):
        questions = [
            f"{number}. {_tidy(sentence)} (Answer: {find_form(corpus, term)})"
            for number, (sentence, term) in enumerate(gaps, start=1)
        ]
        sections.append("**Which term fills the gap?**\n\n" + "\n".join(questions))
    return "\n\n".join(sections)


def _analyze_as_json(corpus: Corpus) -> str:
    """Return the object of `"format":"json"`; its texts are short, so that no limit of tokens cuts it off."""
    central = [_clip(sentence) for sentence in choose_central(corpus, 3)]
    terms = [find_form(corpus, term) for term in rank_terms(corpus, 4)]
    gaps = make_gaps(corpus, 2)
    return json.dumps(
        {
            "main_ideas": [LABEL + idea for idea in central] or [LABEL + _NOTHING],
            "concepts": [
                {"term": term, "definition": next((c for c in central if term in c), f"{LABEL}frequent in the text")}
                for term in terms
            ],
            "level": {"grade": "intermediate", "reason": f"{LABEL}This is the same for every text."},
            "prerequisites": [],
            "objectives": [],
            "questions": [
                {"question": f"Which term fills the gap? {_clip(sentence)}", "answer": find_form(corpus, term)}
                for sentence, term in gaps
            ],
        },
        ensure_ascii=False,
    )


def _clip(sentence: str) -> str:
    tidy = _tidy(sentence)
    return tidy if len(tidy) <= _CLIPPED_CHARACTERS else f"{tidy[:_CLIPPED_CHARACTERS]}…"


def _measure(sentences: Sequence[str]) -> str:
    pairs = [count_words(sentence) for sentence in sentences]
    words, characters = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    size, unit = (characters, "characters") if characters > words else (words, "words")
    return f"sentences: {len(sentences)}, {unit}: {size}, {unit} a sentence on average: {size / len(sentences):.1f}"


def _quote(sentences: Sequence[str]) -> str:
    return "\n\n".join(f"> {_tidy(sentence)}" for sentence in sentences)


def _tidy(sentence: str) -> str:
    """Return `sentence` on one line, without the mark of the list that it stood in."""
    return " ".join(_LIST_MARK.sub("", sentence).split())
