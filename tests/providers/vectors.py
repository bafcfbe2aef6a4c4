"""The vectors beside this file: for each server what it sends, and what comes of it.

Written by hand after what these servers were seen to send. `body` has the lines; `text` and then `finish` with `usage`
(prompt, completion) or `error` are what comes of it. Where `peer` is false, the official package reads it otherwise, or
raises other errors.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "vectors"


@dataclass(frozen=True)
class Stream:
    """An answer with status 200."""

    name: str
    body: list[str] = field(repr=False)
    text: str
    finish: str | None = None
    usage: list[int] | None = None
    error: str | None = None
    peer: bool = True

    @property
    def content(self) -> bytes:
        return "\n".join(self.body).encode()


@dataclass(frozen=True)
class Refusal:
    """An answer with another status."""

    name: str
    status: int
    body: object = field(repr=False)
    error: str
    headers: dict[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    is_tried_again: bool = False
    learns: str | None = None
    """The parameter that the model does not take."""


def load(kind: str) -> dict[str, Any]:
    """Return `streams` or `refusals` of all servers, by a name for the test."""
    shapes = {"streams": Stream, "refusals": Refusal}
    found = {}
    for path in sorted(FOLDER.glob("*.json")):
        for fields in json.loads(path.read_text(encoding="utf-8"))[kind]:
            found[f"{path.stem}: {fields['name']}"] = shapes[kind](**fields)
    return found


STREAMS: dict[str, Stream] = load("streams")


def for_peer(server: str) -> dict[str, Stream]:
    """Return the streams that the official package reads as we do: Anthropic's, or OpenAI's for all other servers."""
    is_anthropic = server == "anthropic"
    return {name: it for name, it in STREAMS.items() if it.peer and name.startswith("anthropic:") == is_anthropic}


REFUSALS: dict[str, Refusal] = load("refusals")
