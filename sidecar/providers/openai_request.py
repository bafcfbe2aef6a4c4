"""Writes requests for OpenAI-compatible providers, and learns what a model does not take.

Servers and models differ in what they refuse: newer models want `max_completion_tokens`, and no `temperature`; older
servers do not know `stream_options`. What was refused is left out from then on.
"""

import re
from dataclasses import dataclass, replace

import msgspec

from sidecar.providers.interface import Prompt
from sidecar.providers.openai_failures import Complaint

# Not every complaint about a parameter: a temperature of 3 is somebody's mistake.
_UNSUPPORTED = re.compile("unsupported|not support|unknown|unrecognized|extra|not permitted|unexpected", re.IGNORECASE)

# With `*` a request may name any model; what was learned of so many is a few kB.
_MAX_MODELS = 256


@dataclass(frozen=True, slots=True)
class Shape:
    """Which of the parameters that are not always understood a model takes."""

    has_max_tokens: bool = True
    """Else `max_completion_tokens`."""
    has_temperature: bool = True
    has_stream_options: bool = True


class Shapes:
    """What was learned about the models of one provider."""

    def __init__(self) -> None:
        self._shapes: dict[str, Shape] = {}

    def write(self, prompt: Prompt) -> bytes:
        """Return the body of a request that streams the answer to `prompt`."""
        shape = self._shapes.get(prompt.model, Shape())
        turns = [{"role": message.role, "content": message.content} for message in prompt.messages]
        body: dict[str, object] = {
            "model": prompt.model,
            "messages": [{"role": "system", "content": prompt.system}, *turns],
            "stream": True,
        }
        if shape.has_stream_options:
            body["stream_options"] = {"include_usage": True}
        body["max_tokens" if shape.has_max_tokens else "max_completion_tokens"] = prompt.max_tokens
        if prompt.temperature is not None and shape.has_temperature:
            body["temperature"] = prompt.temperature
        return msgspec.json.encode(body)

    def learn(self, model: str, complaint: Complaint) -> None:
        """Note which parameter a provider refused, if it was that: `write` gives another body then."""
        words = f"{complaint.param} {complaint.kind} {complaint.message[:2000]}"
        if not _UNSUPPORTED.search(words):
            return
        if model not in self._shapes and len(self._shapes) >= _MAX_MODELS:
            self._shapes.clear()
        self._shapes[model] = _adapt(self._shapes.get(model, Shape()), words)


def _adapt(shape: Shape, words: str) -> Shape:
    if "max_completion_tokens" in words and ("'max_tokens'" in words or words.startswith("max_tokens")):
        return replace(shape, has_max_tokens=False)
    if "stream_options" in words:
        return replace(shape, has_stream_options=False)
    if "temperature" in words:
        return replace(shape, has_temperature=False)
    return shape
