"""Anthropic's Messages, streamed."""

from collections.abc import Mapping
from types import MappingProxyType

from sidecar.providers.anthropic_answer import AnthropicReading
from sidecar.providers.endpoint import Endpoint, join, split_base_url
from sidecar.providers.failures import Mask
from sidecar.providers.interface import Prompt

DEFAULT_BASE_URL = "https://api.anthropic.com"

# Since this version a request that names a temperature is refused, whatever the model.
_HEADERS = MappingProxyType({"anthropic-version": "2026-10-21"})

# A conversation begins with the person there, and no turn is blank.
_UNSAID = "..."


class AnthropicDialect:
    """A system prompt of its own, typed events, counts that are sums, and no temperature."""

    name = "anthropic"
    optional = ("output_config",)

    def locate(self, base_url: str | None, *, allow_http: bool = False) -> Endpoint:
        parts, is_loopback = split_base_url(base_url or DEFAULT_BASE_URL, allow_http=allow_http)
        path = parts.path
        if not path.endswith("/messages"):
            path = f"{path.removesuffix('/v1')}/v1/messages"
        return Endpoint(join(parts, path), is_loopback, key_header="x-api-key", headers=_HEADERS)

    def write(self, prompt: Prompt, left_out: frozenset[str]) -> Mapping[str, object]:
        turns = [{"role": turn.role, "content": _spoken(turn.content)} for turn in prompt.messages]
        if turns[0]["role"] != "user":
            turns.insert(0, {"role": "user", "content": _UNSAID})
        body: dict[str, object] = {
            "model": prompt.model,
            "max_tokens": prompt.max_tokens,
            "messages": turns,
            "stream": True,
        }
        if prompt.system:
            body["system"] = prompt.system
        if prompt.schema is not None and "output_config" not in left_out:
            body["output_config"] = {"format": {"type": "json_schema", "schema": prompt.schema}}
        return body

    def read(self, mask: Mask) -> AnthropicReading:
        return AnthropicReading(mask)


def _spoken(text: str) -> str:
    return _UNSAID if not text or text.isspace() else text
