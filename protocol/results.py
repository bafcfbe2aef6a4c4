"""The results of `"format":"json"`, as msgspec structs. SPEC.md, section 4.7, says what they mean.

They come from a model and are checked against these: as events they allow unknown fields, and they have none too few.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

_Text = Annotated[str, Meta(min_length=1, max_length=4000)]
_Some = Annotated[tuple[_Text, ...], Meta(max_length=50)]


class _Part(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Its repr shows nothing of the text."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Concept(_Part, frozen=True, kw_only=True):
    """A term of a text, and what it means there."""

    term: _Text
    definition: _Text


class Level(_Part, frozen=True, kw_only=True):
    """For whom a text is."""

    grade: Literal["elementary", "intermediate", "advanced"]
    reason: _Text


class Question(_Part, frozen=True, kw_only=True):
    """A question that checks understanding."""

    question: _Text
    answer: _Text


class Readability(_Part, frozen=True, kw_only=True):
    """How hard a text is to read, as the sidecar has counted it."""

    measure: Literal["lix", "characters per sentence"]
    value: float
    grade: Literal["very easy", "easy", "medium", "hard", "very hard"]


class Reading(_Part, frozen=True, kw_only=True):
    """What a model says of a text."""

    main_ideas: Annotated[tuple[_Text, ...], Meta(min_length=1, max_length=50)]
    concepts: Annotated[tuple[Concept, ...], Meta(max_length=50)]
    level: Level
    prerequisites: _Some
    objectives: _Some
    questions: Annotated[tuple[Question, ...], Meta(max_length=50)]


class Analysis(Reading, frozen=True, kw_only=True):
    """What a text offers for teaching and learning: what the model says, and what was counted."""

    readability: Readability | None = None
