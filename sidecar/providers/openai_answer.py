"""What the events of an answer mean in OpenAI's dialect."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from protocol.messages import FinishReason, Usage
from sidecar.errors import Truncated, UpstreamError, UpstreamProtocol
from sidecar.providers._counts import make_usage
from sidecar.providers.failures import Mask, explain_event
from sidecar.providers.interface import Finish
from sidecar.providers.openai_chunk import Choice, Delta, decode_chunk, is_something
from sidecar.providers.resilience import TryAgain
from sidecar.providers.sse import SseEvent

_FINISH_REASONS: Mapping[str, FinishReason] = MappingProxyType(
    {
        **dict.fromkeys(("stop", "eos", "end_turn", "stop_sequence"), "stop"),
        **dict.fromkeys(("length", "max_tokens", "model_length"), "length"),
        **dict.fromkeys(("content_filter", "safety", "recitation", "prohibited_content"), "filtered"),
        "refusal": "refused",
    }
)

# So Gemini complains.
_COMPLAINT_IN_A_LIST = rb'\s*\[\s*\{\s*"error"'

# OpenRouter and Mistral; DeepSeek.
_ENDS_BY_ERROR = frozenset(("error", "insufficient_system_resource"))


class OpenAIReading:
    """One answer, chunk by chunk."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._reason: str | None = None
        self._goes_on_after_reason = False
        """Some servers write a reason on each chunk: it tells of no end then, but it is the one when the end comes."""
        self._has_refusal = False
        self._has_tool_call = False
        self._has_chunk = False
        self._is_whole = False
        self._usage: Usage | None = None
        self.is_done = False
        self.awaits_last_word = False
        """Whether the reason stood in a chunk of its own, behind what the model said, and nothing has followed it."""
        self.progress = 0

    @property
    def counted(self) -> Usage | None:
        return self._usage

    @property
    def has_finished(self) -> bool:
        return self.is_done or (self._reason is not None and not self._goes_on_after_reason)

    def take_event(self, event: SseEvent) -> str:
        content = event.data.strip()
        if event.name == b"error":
            raise explain_event(content, self._mask)
        if not content or content.startswith(b":"):  # some gateways send their signs of life as data
            return ""
        if content == b"[DONE]":
            self.is_done = True
            return ""
        return self._take_chunk(content)

    def take_whole(self, body: bytes) -> str:
        self._is_whole = True
        return self._take_chunk(body)

    def end(self) -> Finish:
        if not self._has_chunk and not self.is_done:
            raise UpstreamProtocol("The provider's answer is empty, or not in the language of OpenAI's.")
        if self._reason is None and not (self.is_done or self._is_whole):
            raise Truncated("The provider's answer broke off before its end.")
        reason = _FINISH_REASONS.get(self._reason or "", "other")
        if reason == "stop" and self._has_refusal:
            reason = "refused"
        elif reason == "stop" and self._has_tool_call:
            reason = "other"
        return Finish(reason, self._usage)

    def _take_chunk(self, content: bytes) -> str:
        if content[:1] != b"{" and re.match(_COMPLAINT_IN_A_LIST, content):
            raise explain_event(content, self._mask)
        chunk = decode_chunk(content)
        if chunk.is_complaint:
            raise explain_event(content, self._mask)
        if chunk.choices is None and self._is_whole:
            raise UpstreamProtocol("The provider's answer is JSON, but no completion.")
        self._has_chunk = True
        usage = chunk.usage or (chunk.x_groq.usage if chunk.x_groq else None)
        if usage is not None:  # the last one counts: they are sums already
            self._usage = make_usage(usage.prompt_tokens, usage.completion_tokens) or self._usage
        text = ""
        for choice in chunk.choices or ():
            if not choice.index:
                text += self._take_choice(choice)
        return text

    def _take_choice(self, choice: Choice) -> str:
        delta = choice.delta or choice.message or Delta()
        content, has_thought = delta.content, delta.has_thought
        if isinstance(content, list):
            has_thought = has_thought or bool(content)  # there may be nothing but thoughts in it
            content = "".join(part.text or "" for part in content)
        text = content or ""
        if delta.refusal:
            self._has_refusal = True
            text += delta.refusal
        if text or has_thought:
            self.progress += 1
            if self._reason is not None:
                self._goes_on_after_reason, self.awaits_last_word = True, False
        if is_something(delta.tool_calls):
            self._has_tool_call = True
        if reason := choice.finish_reason or choice.finishReason:
            reason = reason.lower()
            if reason in _ENDS_BY_ERROR:
                raise TryAgain(UpstreamError("The provider ended its answer by an error."))
            self._reason = reason
            is_alone = self.progress > 0 and not (text or has_thought)
            self.awaits_last_word = is_alone and not self._goes_on_after_reason
        return text
