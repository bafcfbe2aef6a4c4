"""Reads an answer of an OpenAI-compatible provider: bytes in, text out, then its end. No I/O.

Tolerant of what servers leave out, put in or write otherwise; strict where text could be lost without a word.
"""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw, Struct

from protocol.messages import FinishReason, Usage
from sidecar.errors import SidecarError, Truncated, UpstreamError, UpstreamProtocol
from sidecar.providers.interface import Finish
from sidecar.providers.openai_failures import Mask, explain_event
from sidecar.providers.resilience import TryAgain
from sidecar.providers.sse import BOM, MAX_STREAM_BYTES, SseDecoder, SseEvent, SseTooLarge

_FINISH_REASONS: Mapping[str, FinishReason] = MappingProxyType(
    {
        **dict.fromkeys(("stop", "eos", "end_turn", "stop_sequence"), "stop"),
        **dict.fromkeys(("length", "max_tokens", "model_length"), "length"),
        **dict.fromkeys(("content_filter", "safety", "recitation", "prohibited_content"), "filtered"),
        "refusal": "refused",
    }
)
_NOTHING = (b"", b"null", b'""', b"[]", b"{}", b"false")


class _Part(Struct):
    """A piece of a `content` that is a list: Mistral's. What a model thinks has no `text` here."""

    text: str | None = None


class _Delta(Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    reasoning_content: Raw = Raw()
    reasoning: Raw = Raw()


class _Choice(Struct):
    index: int | None = None
    delta: _Delta | None = None
    message: _Delta | None = None
    """Instead of `delta` where the answer is no stream."""
    finish_reason: str | None = None
    finishReason: str | None = None  # some of Gemini's


class _Usage(Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Groq(Struct):
    usage: _Usage | None = None


class _Chunk(Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    x_groq: _Groq | None = None
    error: Raw = Raw()
    object: str | None = None


_decoder = msgspec.json.Decoder(_Chunk)


class OpenAIAnswer:
    """An answer as it comes: feed bytes, take texts, and ask for the end when there are no more."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._sse = SseDecoder()
        self._is_json: bool | None = None
        """None until a byte was seen that tells."""
        self._body = bytearray()
        """All that came, until it is known to be events: JSON can only be read at its end."""
        self._surrogate = ""
        self._reason: str | None = None
        self._has_refusal = False
        self._has_chunk = False
        self._usage: Usage | None = None
        self.is_done = False
        """Whether the provider's last word has come; what follows it is ignored."""
        self.progress = 0
        """How often the model has said something, be it only thought."""
        self.failure: SidecarError | TryAgain | None = None
        """What went wrong behind the text that was given last."""

    @property
    def has_finished(self) -> bool:
        """Whether the model has ended its answer: from then on a broken connection loses nothing of it."""
        return self._reason is not None or self.is_done

    def feed(self, came: bytes) -> str:
        """Return the text in what came, all deltas joined. What is wrong in it stands in `failure` afterwards."""
        if self._is_json is not False:
            came = self._collect(came)
        texts: list[str] = []
        self._sse.feed(came)
        try:
            while not self.is_done and (event := self._sse.next_event()) is not None:
                texts.append(self._take_event(event))
        except SseTooLarge as exc:
            self.failure = _too_large(str(exc))
        except (SidecarError, TryAgain) as exc:
            self.failure = exc
        return "".join(texts)

    def _collect(self, came: bytes) -> bytes:
        """Keep what is or may be JSON, which the first byte that is not blank tells; return what are events."""
        self._body += came
        if len(self._body) > MAX_STREAM_BYTES:
            self.failure = _too_large(f"it has more than {MAX_STREAM_BYTES} bytes")
        if self._is_json or BOM.startswith(self._body):
            return b""
        start = self._body.removeprefix(BOM).lstrip()[:1]
        if start == b"<":
            self.failure = UpstreamProtocol("The provider answered with a web page (OPENAI_BASE_URL).")
        elif start:
            self._is_json = start in b"{["
        return bytes(self._body) if self._is_json is False else b""

    def finish(self) -> str:
        """Return the text that only the end of the bytes completes. As for `feed`, `failure` says what is wrong."""
        try:
            if self._is_json:
                return self._take_chunk(bytes(self._body.removeprefix(BOM))) + self._take_surrogate()
            event = None if self.is_done else self._sse.finish()
            if event is not None and _is_whole(event.data):
                return self._take_event(event)
        except SseTooLarge as exc:
            self.failure = _too_large(str(exc))
        except (SidecarError, TryAgain) as exc:
            self.failure = exc
        return ""

    def end(self) -> Finish:
        """Return the end of the answer, after its last byte.

        Raises:
            UpstreamProtocol: there was none.
            Truncated: it has begun, and the provider's own end is missing.
        """
        if not self._has_chunk and not self.is_done:
            raise UpstreamProtocol("The provider's answer is empty, or not in the language of OpenAI's.")
        if not (self.has_finished or self._is_json):
            raise Truncated("The provider's answer broke off before its end.")
        reason = _FINISH_REASONS.get((self._reason or "").lower(), "other")
        return Finish("refused" if self._has_refusal and reason == "stop" else reason, self._usage)

    def _take_event(self, event: SseEvent) -> str:
        content = event.data.strip()
        if event.name == b"error":
            raise explain_event(content, self._mask)
        if not content or content.startswith(b":"):  # some gateways send their signs of life as data
            return ""
        if content == b"[DONE]":
            self.is_done = True
            return self._take_surrogate()
        return self._take_chunk(content)

    def _take_chunk(self, content: bytes) -> str:
        chunk = _decode(content)
        if _is_something(chunk.error) or chunk.object == "error":
            raise explain_event(content, self._mask)
        if chunk.choices is None and self._is_json:
            raise UpstreamProtocol("The provider's answer is JSON, but no completion.")
        self._has_chunk = True
        usage = chunk.usage or (chunk.x_groq.usage if chunk.x_groq else None)
        if usage is not None and usage.prompt_tokens is not None:  # the last one counts: they are sums already
            self._usage = Usage(prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens or 0)
        return "".join(self._take_choice(choice) for choice in chunk.choices or () if not choice.index)

    def _take_choice(self, choice: _Choice) -> str:
        delta = choice.delta or choice.message or _Delta()
        content = delta.content
        if isinstance(content, list):
            content = "".join(part.text or "" for part in content)
        text = content or ""
        if delta.refusal:
            self._has_refusal = True
            text += delta.refusal
        if text or _is_something(delta.reasoning_content) or _is_something(delta.reasoning):
            self.progress += 1
        reason = choice.finish_reason or choice.finishReason
        if reason:
            if reason == "error":  # OpenRouter, Mistral
                raise UpstreamError("The provider ended its answer by an error.")
            self._reason = reason
        return self._join_surrogates(text) if self._surrogate or not _is_clean(text) else text

    def _join_surrogates(self, text: str) -> str:
        """Return `text` with a character put together that the provider cut in two; a lone half becomes U+FFFD."""
        text, self._surrogate = self._surrogate + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._surrogate = text[:-1], text[-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _take_surrogate(self) -> str:
        lost, self._surrogate = self._surrogate, ""
        return "\ufffd" if lost else ""


def _decode(content: bytes) -> _Chunk:
    try:
        return _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if not re.search(rb"\\u[dD][89a-fA-F]", content):
            raise _no_completion() from None
    # msgspec refuses half of a character, which the standard library takes.
    try:
        return msgspec.convert(json.loads(content, object_hook=_without_raw), _Chunk)
    except (ValueError, RecursionError):
        raise _no_completion() from None


def _without_raw(fields: dict[str, Any]) -> dict[str, Any]:
    """Bring what `_Chunk` keeps undecoded back into that form."""
    raw = ("error", "reasoning_content", "reasoning")
    return {name: Raw(json.dumps(value).encode()) if name in raw else value for name, value in fields.items()}


def _is_something(raw: Raw) -> bool:
    return bytes(raw) not in _NOTHING


def _is_clean(text: str) -> bool:
    """Say whether no half of a character is in it."""
    return text.isascii() or not re.search("[\ud800-\udfff]", text)


def _is_whole(content: bytes) -> bool:
    if content.strip() == b"[DONE]":
        return True
    try:
        msgspec.json.decode(content, type=Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _no_completion() -> UpstreamProtocol:
    return UpstreamProtocol("The provider's answer holds what is no part of a completion.")


def _too_large(what: str) -> UpstreamProtocol:
    return UpstreamProtocol(f"The provider's answer is too large: {what}.")
