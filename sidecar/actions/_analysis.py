"""An analysis as an object: asked for with a JSON schema, checked, asked for once more, or refused; never made up."""

import re
from collections.abc import AsyncGenerator, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec.structs import replace

from protocol.results import Analysis, Readability, Reading
from sidecar.actions._model import Model, Said
from sidecar.errors import UpstreamBadRequest, UpstreamNotFound, UpstreamProtocol
from sidecar.providers.interface import Finish, Message, Piece, Prompt, Result, Stage

STAGE = "analyzing"

# Ten times what is asked for.
_MAX_BYTES = 256 * 1024
_SHOWN_CHARACTERS = 8000
_PATH = r"`\$[\w.\[\]]*`"

_DECODER = msgspec.json.Decoder(Reading)


@cache
def schema() -> Mapping[str, object]:
    """Return the schema of `Reading` as strict servers want it: every field required, none besides, no other bounds."""
    (_, known) = msgspec.json.schema_components([Reading], ref_template="{name}")

    def plain(schema: dict[str, Any]) -> dict[str, object]:
        if "$ref" in schema:
            return plain(known[schema["$ref"]])
        if "enum" in schema:
            return {"type": "string", "enum": schema["enum"]}
        if schema["type"] == "array":
            return {"type": "array", "items": plain(schema["items"])}
        if schema["type"] == "object":
            properties = {name: plain(field) for name, field in schema["properties"].items()}
            return {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": False,
            }
        return {"type": schema["type"]}

    return plain(known["Reading"])


async def ask_for_analysis(
    model: Model, prompt: Prompt, readability: Readability | None
) -> AsyncGenerator[Piece, None]:
    """Give stages, and an end with the result. A model that declines to answer ends it without one.

    Raises:
        UpstreamProtocol: twice the answer was not what was asked for.
        SidecarError: as a provider does.
    """
    yield Stage(STAGE, 0, 1)
    try:
        said = await model.ask(prompt, max_bytes=_MAX_BYTES)
    except UpstreamNotFound:
        raise
    except UpstreamBadRequest:
        # Servers say in many words that they take no schema; the prompt has it, too.
        prompt = replace(prompt, schema=None)
        said = await model.ask(prompt, max_bytes=_MAX_BYTES)
    reading, fault = _read(said)
    if reading is None and said.reason in ("stop", "length", "other"):
        yield Stage(f"{STAGE} once more", 0, 1)
        said = await model.ask(_ask_again(prompt, said, fault), max_bytes=_MAX_BYTES)
        reading, fault = _read(said)
    if reading is not None:
        analysis = Analysis(**msgspec.structs.asdict(reading), readability=readability)
        yield Finish("stop", model.usage(), Result(value=_plain(analysis), text=write(analysis)))
    elif said.reason in ("refused", "filtered"):
        yield Finish(said.reason, model.usage())
    elif said.reason == "length":
        raise UpstreamProtocol(
            f"The model's analysis does not fit into {prompt.max_tokens} tokens: ask for more (`max_tokens`, up to "
            "MAX_TOKENS), or for an analysis as text."
        )
    else:
        raise UpstreamProtocol(f"The model did not give an analysis in JSON, asked twice: {fault}.")


def _plain(analysis: Analysis) -> dict[str, object]:
    plain: dict[str, object] = msgspec.json.decode(msgspec.json.encode(analysis))
    return plain


def _read(said: Said) -> tuple[Reading | None, str]:
    """Return the analysis in an answer, or what is wrong with it, in words that hold nothing of it."""
    start, end = said.text.find("{"), said.text.rfind("}")
    if start < 0 or end < start:
        return None, "there is no JSON object"
    try:
        return _DECODER.decode(said.text[start : end + 1].encode(errors="replace")), ""
    except msgspec.ValidationError as exc:
        message = str(exc)
        if message.startswith("Object missing required field"):
            return None, message.replace("Object missing required", "it lacks the")
        path = re.search(_PATH, message)
        return None, f"what it has at {path[0] if path else 'the top'} does not fit"
    except (msgspec.DecodeError, RecursionError):
        return None, "the JSON is broken"


def _ask_again(prompt: Prompt, said: Said, fault: str) -> Prompt:
    what = "It was cut off: write less." if said.reason == "length" else f"That does not fit: {fault}."
    again = Message("user", f"{what} Give the whole object again, as JSON and nothing else.")
    answer = said.text[:_SHOWN_CHARACTERS].strip() or "{}"
    return replace(prompt, messages=(*prompt.messages, Message("assistant", answer), again))


def describe_schema() -> str:
    """Return the schema for a model to read."""
    return msgspec.json.encode(schema()).decode()


def write(analysis: Analysis) -> str:
    """Return the analysis to be read, in Markdown. Its headings are English, whatever the language of the text."""
    level = f"{analysis.level.grade}: {analysis.level.reason}"
    if (counted := analysis.readability) is not None:
        level += f"\n\nReadability ({counted.measure}): {counted.value:g}, {counted.grade}"
    concepts = [f"**{concept.term}**: {concept.definition}" for concept in analysis.concepts]
    questions = [f"{asked.question}\n   Answer: {asked.answer}" for asked in analysis.questions]
    sections = (
        ("Main ideas", _list(analysis.main_ideas)),
        ("Concepts and terms", _list(concepts)),
        ("Level", level),
        ("Prerequisites", _list(analysis.prerequisites)),
        ("Learning objectives", _list(analysis.objectives)),
        ("Questions that check understanding", "\n".join(f"{n}. {text}" for n, text in enumerate(questions, 1))),
    )
    return "\n\n".join(f"## {heading}\n\n{text}" for heading, text in sections if text)


def _list(points: list[str] | tuple[str, ...]) -> str:
    return "\n".join(f"- {point}" for point in points)
