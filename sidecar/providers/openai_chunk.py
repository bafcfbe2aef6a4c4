"""What is in a chunk of a completion: the JSON of all who speak OpenAI's dialect, as they write it and as they slip.

What is of the expected form is decoded in one step. Of the rest all is taken that is understood, with one exception:
where there should be text and is something else, that would be lost without a word, so it is an error.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Raw, Struct

from sidecar.errors import UpstreamProtocol
from sidecar.providers._counts import Count, read_count

_ABSENT = Raw()
_NOTHING = (b"", b"null", b'""', b"[]", b"{}", b"false")


class Part(Struct, gc=False):
    """A piece of a `content` that is a list: Mistral's. What a model thinks has no `text` here."""

    text: str | None = None


class Delta(Struct, gc=False):
    """What is new of one choice."""

    content: str | list[Part] | None = None
    refusal: str | None = None
    tool_calls: Raw = _ABSENT
    reasoning_content: Raw = _ABSENT
    reasoning: Raw = _ABSENT
    reasoning_details: Raw = _ABSENT

    @property
    def has_thought(self) -> bool:
        """Whether the model thinks, in one of the ways in which servers say so."""
        if self.reasoning_content is _ABSENT and self.reasoning is _ABSENT and self.reasoning_details is _ABSENT:
            return False  # the usual case, with each token
        return (
            is_something(self.reasoning_content) or is_something(self.reasoning) or is_something(self.reasoning_details)
        )


class Choice(Struct, gc=False):
    """One of the answers that are written at once; we ask for one."""

    index: int | None = None
    delta: Delta | None = None
    message: Delta | None = None
    """Instead of `delta` where the answer is no stream."""
    finish_reason: str | None = None
    finishReason: str | None = None  # some of Gemini's


class Counts(Struct, gc=False):
    """Tokens."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None


class Groq(Struct, gc=False):
    """Where Groq counts."""

    usage: Counts | None = None


class Chunk(Struct, gc=False):
    """One event, or a whole answer."""

    choices: list[Choice] | None = None
    usage: Counts | None = None
    x_groq: Groq | None = None
    error: Raw = _ABSENT
    detail: Raw = _ABSENT
    message: Raw = _ABSENT
    object: str | None = None

    @property
    def is_complaint(self) -> bool:
        """Whether it tells of an error, in one of the ways in which servers do."""
        if self.object == "error" or (self.error is not _ABSENT and is_something(self.error)):
            return True
        return self.choices is None and (is_something(self.detail) or is_something(self.message))


_decoder = msgspec.json.Decoder(Chunk)


def decode_chunk(content: bytes) -> Chunk:
    """Return the chunk in `content`.

    Raises:
        UpstreamProtocol: it is no JSON, or what stands where text belongs is none.
    """
    try:
        return _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    import json  # not with each start: most chunks are as they should be

    try:
        return _read(json.loads(content.decode()))  # which takes halves of characters, too
    except (ValueError, RecursionError):
        raise no_completion() from None


def no_completion() -> UpstreamProtocol:
    return UpstreamProtocol("The provider's answer holds what is no part of a completion.")


def is_something(raw: Raw) -> bool:
    return raw is not _ABSENT and bytes(raw) not in _NOTHING


def _read(content: Any) -> Chunk:
    """Read a chunk of an unexpected form. Raises ValueError."""
    groq = _fields(content, "x_groq")
    choices = content.get("choices")
    return Chunk(
        choices=None if choices is None else [_read_choice(choice) for choice in _as_list(choices)],
        usage=_read_counts(_fields(content, "usage")),
        x_groq=Groq(_read_counts(_fields(groq, "usage"))),
        object=_as_text(content.get("object")),
        **_raw(content, ("error", "detail", "message")),
    )


def _read_choice(choice: Any) -> Choice:
    if not isinstance(choice, dict):
        raise ValueError
    index = choice.get("index")
    return Choice(
        index=index if isinstance(index, int) else None,
        delta=_read_delta(choice.get("delta")),
        message=_read_delta(choice.get("message")),
        finish_reason=_as_text(choice.get("finish_reason")),
        finishReason=_as_text(choice.get("finishReason")),
    )


def _read_delta(delta: Any) -> Delta | None:
    if delta is None:
        return None
    if not isinstance(delta, dict):
        raise ValueError
    content = delta.get("content")
    if not isinstance(content, str | None):
        content = [Part(_read_part(part)) for part in _as_list(content)]
    thoughts = ("tool_calls", "reasoning_content", "reasoning", "reasoning_details")
    return Delta(content=content, refusal=_as_text(delta.get("refusal")), **_raw(delta, thoughts))


def _read_part(part: Any) -> str | None:
    if isinstance(part, str):
        return part
    text = part.get("text") if isinstance(part, dict) else part
    if not isinstance(text, str | None):
        raise ValueError
    return text


def _read_counts(counts: dict[str, Any]) -> Counts:
    return Counts(*(read_count(counts.get(name)) for name in Counts.__struct_fields__))


def _fields(content: Any, name: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ValueError
    inner = content.get(name)
    return inner if isinstance(inner, dict) else {}


def _as_list(content: Any) -> list[Any]:
    if not isinstance(content, list):
        raise ValueError
    return content


def _as_text(content: Any) -> str | None:
    return content if isinstance(content, str) else None


def _raw(fields: dict[str, Any], names: Iterable[str]) -> dict[str, Raw]:
    import json

    return {name: Raw(json.dumps(fields[name]).encode()) for name in names if name in fields}
