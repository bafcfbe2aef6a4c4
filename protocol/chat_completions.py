"""OpenAI's chat completions, as far as they are served: what its clients send, and what they expect.

What cannot be served is refused by its name; null, or its default, of anything is as if it were not there.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from protocol.codec import DECODE_ERRORS, NOT_JSON, explain
from protocol.errors import BadMessage, InvalidParameter, ProtocolError
from protocol.messages import Complete, FinishReason, GivenTurn, Model, Usage

# What shapes no answer, or nothing that we keep.
_HINTS = frozenset({"user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "metadata"})

_DEFAULTS: Mapping[str, tuple[object, ...]] = MappingProxyType(
    {
        "n": (1,),
        "top_p": (1,),
        "frequency_penalty": (0,),
        "presence_penalty": (0,),
        "logprobs": (False,),
        "top_logprobs": (0,),
        "logit_bias": ({},),
        "stop": ([],),
        "response_format": ({"type": "text"},),
        "modalities": (["text"],),
        "tools": ([],),
        "tool_choice": ("none", "auto"),
        "functions": ([],),
        "function_call": ("none", "auto"),
        "parallel_tool_calls": (True, False),
        "store": (False,),
        "service_tier": ("auto", "default"),
    }
)


class _Part(Struct, frozen=True):
    type: str
    text: str | None = None


class _Message(Struct, frozen=True):
    role: str
    content: str | list[_Part] | None = None
    tool_calls: Raw = Raw(b"null")
    function_call: Raw = Raw(b"null")
    audio: Raw = Raw(b"null")


class _StreamOptions(Struct, frozen=True):
    include_usage: bool | None = None


class _Request(Struct, frozen=True):
    messages: Annotated[list[_Message], Meta(min_length=1, max_length=257)]
    model: Model | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None


_KNOWN = frozenset(_Request.__struct_fields__)

# `developer` is what newer models call the system; the providers' dialects know which word to use.
_ROLES: Mapping[str, Literal["system", "user", "assistant"]] = MappingProxyType(
    {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
)

_decoder = msgspec.json.Decoder(_Request)
_fields_decoder = msgspec.json.Decoder(dict[str, Raw])


def decode_completion(payload: bytes) -> Complete:
    """Return what a client asks for.

    Raises:
        BadMessage: no JSON object, a wrong type, a missing field.
        InvalidParameter: a value outside its limits, or something that is not served, which the message names.
    """
    if not payload.startswith(b"{"):
        raise BadMessage(NOT_JSON)
    try:
        request = _decoder.decode(payload)
        others = {name: value for name, value in _fields_decoder.decode(payload).items() if name not in _KNOWN}
        for name, value in others.items():
            _check_unused(name, value)
    except DECODE_ERRORS as exc:
        raise explain(exc) from None  # the library's text may quote the person's
    turns = tuple(_read_turn(message, f"messages[{at}]") for at, message in enumerate(request.messages))
    latest = next((turn.content for turn in reversed(turns) if turn.role == "user"), "")
    return Complete(
        content=latest,
        turns=turns,
        model=request.model,
        max_tokens=request.max_completion_tokens or request.max_tokens,
        temperature=request.temperature,
        stream=bool(request.stream),
        includes_usage=bool(request.stream_options and request.stream_options.include_usage),
    )


def _check_unused(name: str, value: Raw) -> None:
    if name in _HINTS or bytes(value) == b"null":
        return
    if name in _DEFAULTS and _is_one_of(msgspec.json.decode(value), _DEFAULTS[name]):
        return
    raise _unsupported(name)


def _is_one_of(given: object, defaults: tuple[object, ...]) -> bool:
    """Whether it is one of these as in JSON, where true is not 1."""
    return any(given == default and isinstance(given, bool) == isinstance(default, bool) for default in defaults)


def _read_turn(message: _Message, where: str) -> GivenTurn:
    role = _ROLES.get(message.role)
    if role is None:
        raise _unsupported(f"{where}.role", "it may be system, developer, user or assistant")
    for name in ("tool_calls", "function_call", "audio"):
        if bytes(getattr(message, name)) not in (b"null", b"[]"):
            raise _unsupported(f"{where}.{name}")
    if isinstance(message.content, list):
        return GivenTurn(role=role, content="".join(_read_part(part, where) for part in message.content))
    return GivenTurn(role=role, content=message.content or "")


def _read_part(part: _Part, where: str) -> str:
    if part.type != "text" or part.text is None:
        raise _unsupported(f"{where}.content", "a part may be text and nothing else")
    return part.text


def _unsupported(name: str, why: str = "leave it out") -> ProtocolError:
    shown = "".join(c if c.isascii() and c.isprintable() and c != "`" else "?" for c in name[:64])
    return InvalidParameter(f"`{shown}` is not served here: {why}.")


class CompletionUsage(Struct, frozen=True, kw_only=True):
    """What an answer cost."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class AnswerMessage(Struct, frozen=True, kw_only=True):
    """The whole answer."""

    content: str
    role: str = "assistant"
    refusal: None = None


class Choice(Struct, frozen=True, kw_only=True):
    """The only one of a completion."""

    message: AnswerMessage
    finish_reason: str
    index: int = 0
    logprobs: None = None


class ChoiceDelta(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a chunk adds."""

    role: str | None = None
    content: str | None = None


class ChunkChoice(Struct, frozen=True, kw_only=True):
    """The only one of a chunk."""

    delta: ChoiceDelta
    finish_reason: str | None = None
    index: int = 0
    logprobs: None = None


class _Completion(Struct, frozen=True, kw_only=True):
    id: str
    created: int
    """Seconds since 1970."""
    model: str
    system_fingerprint: str


class ChatCompletion(_Completion, frozen=True, kw_only=True):
    """A whole answer."""

    choices: tuple[Choice, ...]
    usage: CompletionUsage | None
    object: str = "chat.completion"


class ChatCompletionChunk(_Completion, frozen=True, kw_only=True):
    """A piece of an answer."""

    choices: tuple[ChunkChoice, ...]
    usage: CompletionUsage | UnsetType | None = UNSET
    object: str = "chat.completion.chunk"


class ApiError(Struct, frozen=True, kw_only=True):
    """What went wrong, in OpenAI's words."""

    message: str
    type: str
    code: str
    param: None = None


class ErrorBody(Struct, frozen=True, kw_only=True):
    """The body of a failure."""

    error: ApiError


class OfferedModel(Struct, frozen=True, kw_only=True):
    """One that a request may name."""

    id: str
    created: int
    owned_by: str
    object: str = "model"


class ModelList(Struct, frozen=True, kw_only=True):
    """All of them."""

    data: tuple[OfferedModel, ...]
    object: str = "list"


def error_body(message: str, *, code: str, status: int) -> ErrorBody:
    """Return the body of a failure with this status."""
    types = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    kind = types.get(status) or ("invalid_request_error" if 400 <= status < 499 else "server_error")
    return ErrorBody(error=ApiError(message=message, type=kind, code=code))


def usage_of(usage: Usage) -> CompletionUsage:
    """Return a usage as OpenAI has it."""
    total = usage.prompt_tokens + usage.completion_tokens
    return CompletionUsage(
        prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens, total_tokens=total
    )


def reason_of(reason: FinishReason | None) -> str:
    """Return a finish reason in OpenAI's words, which has none for `refused` and `other`."""
    return {"length": "length", "filtered": "content_filter"}.get(reason or "", "stop")
