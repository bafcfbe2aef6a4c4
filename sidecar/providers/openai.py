"""OpenAI's chat completions, streamed: the dialect of OpenAI itself, Azure, vLLM, llama.cpp, Ollama and most others."""

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qs

from sidecar.providers.endpoint import Endpoint, join, split_base_url
from sidecar.providers.failures import Mask
from sidecar.providers.interface import Prompt
from sidecar.providers.openai_answer import OpenAIReading
from sidecar.settings import SettingsError

DEFAULT_BASE_URL = "https://api.openai.com/v1"

# Usage in each chunk, so that an answer that is cut off is counted, too. vLLM and SGLang know it, others that one runs
# oneself pass over it, and those on the internet may refuse the request.
RUNNING_COUNT = "continuous_usage_stats"

_AZURE_HOST = re.compile(r"(.+\.)?(openai\.azure|cognitiveservices\.azure|services\.ai\.azure)\.(com|us|cn)\.?")


class OpenAIDialect:
    """Many servers, which differ in what they take and in how they write."""

    name = "openai"
    optional = (
        RUNNING_COUNT,
        "max_tokens",
        "max_completion_tokens",
        "stream_options",
        "temperature",
        "response_format",
    )

    def locate(self, base_url: str | None, *, allow_http: bool = False) -> Endpoint:
        parts, is_loopback = split_base_url(base_url or DEFAULT_BASE_URL, allow_http=allow_http)
        is_azure = _is_azure(parts)
        url = join(parts, _complete(parts, is_azure=is_azure))
        is_own = is_loopback or parts.scheme == "http"
        return Endpoint(
            url,
            is_loopback,
            key_header="api-key" if is_azure else "Authorization",
            left_out=frozenset() if is_own else frozenset((RUNNING_COUNT,)),
        )

    def write(self, prompt: Prompt, left_out: frozenset[str]) -> Mapping[str, object]:
        turns = [{"role": message.role, "content": message.content} for message in prompt.messages]
        body: dict[str, object] = {
            "model": prompt.model,
            "messages": [{"role": "system", "content": prompt.system}, *turns] if prompt.system else turns,
            "stream": True,
        }
        if "stream_options" not in left_out:
            running = {} if RUNNING_COUNT in left_out else {RUNNING_COUNT: True}
            body["stream_options"] = {"include_usage": True, **running}
        body["max_completion_tokens" if "max_tokens" in left_out else "max_tokens"] = prompt.max_tokens
        if prompt.temperature is not None and "temperature" not in left_out:
            body["temperature"] = prompt.temperature
        if prompt.schema is not None and "response_format" not in left_out:
            schema = {"name": prompt.action, "strict": True, "schema": prompt.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body

    def read(self, mask: Mask) -> OpenAIReading:
        return OpenAIReading(mask)


def _is_azure(parts: SplitResult) -> bool:
    """Say whether Azure's rules hold: at its own hosts, and at gateways that keep its paths."""
    return bool(_AZURE_HOST.fullmatch(parts.hostname or "")) or "/openai/deployments/" in parts.path


def _complete(parts: SplitResult, *, is_azure: bool) -> str:
    path = parts.path
    if "/openai/deployments/" in path and "api-version" not in parse_qs(parts.query):
        raise SettingsError(
            "OPENAI_BASE_URL names a deployment of Azure, which needs its api-version: "
            "https://NAME.openai.azure.com/openai/deployments/DEPLOYMENT?api-version=2024-10-21"
        )
    if path.endswith("/chat/completions"):
        return path
    if is_azure and path in ("", "/openai"):
        path = "/openai/v1"
    return f"{path or '/v1'}/chat/completions"
