"""What the events of an answer mean in Anthropic's dialect."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from protocol.messages import FinishReason, Usage
from sidecar.errors import Truncated, UpstreamProtocol
from sidecar.providers._counts import Count, make_usage, read_count
from sidecar.providers.failures import Mask, explain_event
from sidecar.providers.interface import Finish
from sidecar.providers.sse import SseEvent

# What is not here is `other`: tool_use and pause_turn, which only tools bring about, and what is to come.
_FINISH_REASONS: Mapping[str, FinishReason] = MappingProxyType(
    {
        **dict.fromkeys(("end_turn", "stop_sequence"), "stop"),
        **dict.fromkeys(("max_tokens", "model_context_window_exceeded"), "length"),
        "refusal": "refused",
    }
)


class _Counts(Struct):
    """Tokens so far, each count a sum. Those that were cached are no part of `input_tokens`."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None


class _Block(Struct):
    """Text; or a thought, or a tool, of which nothing is sent on."""

    type: str = ""
    text: str | None = None


class _Message(Struct):
    """The message as it stands at its start; or whole, where the answer is no stream."""

    type: str = ""
    content: list[_Block] | None = None
    stop_reason: str | None = None
    usage: _Counts | None = None


class _MessageStart(Struct):
    message: _Message


class _BlockStart(Struct):
    content_block: _Block


class _BlockDelta(Struct):
    delta: _Block


class _End(Struct, frozen=True):
    stop_reason: str | None = None


class _MessageDelta(Struct):
    delta: _End = _End()
    usage: _Counts | None = None


class _Event(Struct):
    type: str = ""


_Decoded = TypeVar("_Decoded")

_TEXTS = ("text", "text_delta")


class AnthropicReading:
    """One answer, event by event. Those that are unknown are passed over, as the provider asks its clients to do."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._has_message = False
        self._reason: str | None = None
        self._counts = _Counts()
        self.is_done = False
        self.progress = 0

    @property
    def counted(self) -> Usage | None:
        return None  # what stands at the beginning counts the question only

    @property
    def has_finished(self) -> bool:
        return self._reason is not None or self.is_done

    @property
    def awaits_last_word(self) -> bool:
        return self._reason is not None

    def take_event(self, event: SseEvent) -> str:
        content = event.data.strip()
        if not content or content.startswith(b":"):
            return ""
        match event.name or _decode(_Event, content).type.encode():
            case b"error":
                raise explain_event(content, self._mask)
            case b"message_start":
                self._has_message = True
                self._count(_decode(_MessageStart, content).message.usage)
            case b"content_block_start":
                return self._take(_decode(_BlockStart, content).content_block)
            case b"content_block_delta":
                self.progress += 1  # be it a thought
                return self._take(_decode(_BlockDelta, content).delta)
            case b"message_delta":
                said = _decode(_MessageDelta, content)
                self._count(said.usage)
                self._reason = said.delta.stop_reason or self._reason
            case b"message_stop":
                self.is_done = True
        return ""

    def take_whole(self, body: bytes) -> str:
        message = _decode(_Message, body)
        if message.type == "error":
            raise explain_event(body, self._mask)
        if message.type != "message":
            raise UpstreamProtocol("The provider's answer is JSON, but no message.")
        self._has_message = self.is_done = True
        self._count(message.usage)
        self._reason = message.stop_reason
        return "".join(self._take(block) for block in message.content or ())

    def end(self) -> Finish:
        if not (self._has_message or self.has_finished):
            raise UpstreamProtocol("The provider's answer is empty, or not in the language of Anthropic's.")
        if not self.has_finished:
            raise Truncated("The provider's answer broke off before its end.")
        return Finish(_FINISH_REASONS.get(self._reason or "", "other"), self._usage())

    def _take(self, block: _Block) -> str:
        text = block.text if block.type in _TEXTS else ""
        self.progress += bool(text)
        return text or ""

    def _count(self, counts: _Counts | None) -> None:
        """Note the latest of each count: a later event may lack some of them."""
        for name in _Counts.__struct_fields__ if counts else ():
            if (count := getattr(counts, name)) is not None:
                setattr(self._counts, name, count)

    def _usage(self) -> Usage | None:
        counts = self._counts
        if counts.input_tokens is None:
            return None
        read = counts.input_tokens + (counts.cache_creation_input_tokens or 0) + (counts.cache_read_input_tokens or 0)
        return make_usage(read, counts.output_tokens)


def _decode(shape: type[_Decoded], content: bytes) -> _Decoded:
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    # The standard library takes halves of characters, which msgspec refuses.
    try:
        return msgspec.convert(_mend(json.loads(content.decode())), shape)
    except (ValueError, RecursionError):
        raise UpstreamProtocol("The provider's answer holds what is no part of a message.") from None


def _mend(content: Any) -> Any:
    """Return it without what is odd in it, except where text would be lost with that."""
    if isinstance(content, list):
        return [_mend(inner) for inner in content]
    if not isinstance(content, dict):
        return content
    odd = {name for name, inner in content.items() if _is_odd(name, inner, content.get("type"))}
    mended = {name: _mend(inner) for name, inner in content.items() if name not in odd}
    return mended | {name: read_count(content[name]) for name in _Counts.__struct_fields__ if name in content}


def _is_odd(name: str, inner: object, kind: object) -> bool:
    match name:
        case "type" | "stop_reason":
            return not isinstance(inner, str)
        case "text":
            return not isinstance(inner, str) and kind not in _TEXTS
        case "usage":
            return not isinstance(inner, dict)
    return inner is None
