"""What the tests of answers share: an answer that is read from bytes, without a network."""

from sidecar.providers import Finish
from sidecar.providers.answer import AnswerReader
from sidecar.providers.dialect import Dialect
from sidecar.providers.openai import OpenAIDialect


def reader(dialect: Dialect | None = None) -> AnswerReader:
    return AnswerReader((dialect or OpenAIDialect()).read(mask=str))


def read(*chunks: bytes, dialect: Dialect | None = None, into: list[str] | None = None) -> tuple[str, Finish]:
    """Return the text and the end of an answer that came in these chunks, or raise what is wrong with it.

    `into` has the texts whatever the end is.
    """
    answer = reader(dialect)
    texts = [] if into is None else into
    for came in (*chunks, None):
        texts.append(answer.finish() if came is None else answer.feed(came))
        if answer.failure:
            raise answer.failure
    return "".join(texts), answer.end()


def slices(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]
