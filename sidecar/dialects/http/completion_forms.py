"""How messages become what OpenAI's clients expect: a completion, its chunks, a list of models."""

import time
from collections.abc import Sequence

from msgspec import UNSET

from protocol import codec
from protocol.chat_completions import (
    AnswerMessage,
    ChatCompletion,
    ChatCompletionChunk,
    Choice,
    ChoiceDelta,
    ChunkChoice,
    CompletionUsage,
    ErrorBody,
    ModelList,
    OfferedModel,
    error_body,
    reason_of,
    usage_of,
)
from protocol.errors import STATUS, Code, ProtocolError
from protocol.messages import Answer, Delta, Done, Error, Event, Failure, Start, Success
from sidecar import __version__
from sidecar.dialects.http.forms import COMMENT, Stream
from sidecar.dialects.http.guard import Head
from sidecar.dialects.http.responses import retry_after, whole
from sidecar.errors import SidecarError

# OpenAI's says which of its systems has answered.
FINGERPRINT = f"openai-moodle-sidecar-{__version__}"

_DONE = b"data: [DONE]\n\n"


class CompletionForm:
    """A whole completion, or a failure with its status."""

    heartbeat = b""

    def __init__(self, request: Head) -> None:
        self._request = request

    def encode(self, messages: Sequence[Event | Answer]) -> bytes:
        (message,) = messages
        if isinstance(message, Error | Failure):
            return failure(message, self._request)
        assert isinstance(message, Success)  # noqa: S101 - what is left for a plain request
        choice = Choice(message=AnswerMessage(content=message.data), finish_reason=reason_of(message.finish_reason))
        completion = ChatCompletion(
            id=_completion_id(message.reply),
            created=int(time.time()),
            model=message.model or "",
            system_fingerprint=FINGERPRINT,
            choices=(choice,),
            usage=usage_of(message.usage) if message.usage else None,
        )
        return whole(200, codec.encode(completion) + b"\n", closes=self._request.closes)


class ChunksForm:
    """Chunks as server-sent events. The head waits for the first text, so that a failure before it has its status."""

    def __init__(self, request: Head, *, includes_usage: bool) -> None:
        self._request = request
        self._stream = Stream(request)
        self._includes_usage = includes_usage
        self._created = int(time.time())
        self._start = Start(reply="", model="")
        self._has_role = False

    @property
    def heartbeat(self) -> bytes:
        return self._stream.send(COMMENT)

    def encode(self, messages: Sequence[Event | Answer]) -> bytes:
        last = messages[-1]
        if isinstance(last, Error | Failure) and not self._stream.has_begun and len(messages) == 1:
            return failure(last, self._request)
        body = b"".join(map(self._encode, messages))
        return self._stream.send(body, is_last=isinstance(last, Done | Error)) if body else b""

    def _encode(self, message: Event | Answer) -> bytes:
        if isinstance(message, Start):
            self._start = message
        elif isinstance(message, Delta):
            return self._chunk(self._say(message.text))
        elif isinstance(message, Done):
            return self._end(message)
        elif isinstance(message, Error):
            body = error_body(message.message, code=message.code, status=STATUS[Code(message.code)])
            return b"data: %s\n\n" % codec.encode(body)
        return b""

    def _say(self, text: str) -> ChunkChoice:
        role = None if self._has_role else "assistant"
        self._has_role = True
        return ChunkChoice(delta=ChoiceDelta(role=role, content=text))

    def _end(self, done: Done) -> bytes:
        first = b"" if self._has_role else self._chunk(self._say(""))
        last = self._chunk(ChunkChoice(delta=ChoiceDelta(), finish_reason=reason_of(done.finish_reason)))
        usage = self._write((), usage_of(done.usage)) if self._includes_usage and done.usage else b""
        return first + last + usage + _DONE

    def _chunk(self, choice: ChunkChoice) -> bytes:
        return self._write((choice,), None)

    def _write(self, choices: tuple[ChunkChoice, ...], usage: CompletionUsage | None) -> bytes:
        chunk = ChatCompletionChunk(
            id=_completion_id(self._start.reply),
            created=self._created,
            model=self._start.model,
            system_fingerprint=FINGERPRINT,
            choices=choices,
            usage=usage if self._includes_usage else UNSET,
        )
        return b"data: %s\n\n" % codec.encode(chunk)


class ModelsForm:
    """The models that the answer to a ping names."""

    heartbeat = b""

    def __init__(self, request: Head) -> None:
        self._request = request

    def encode(self, messages: Sequence[Event | Answer]) -> bytes:
        (done,) = messages
        assert isinstance(done, Done)  # noqa: S101 - a ping cannot fail
        named = [model for model in done.models or () if model != "*"]
        models = tuple(OfferedModel(id=model, created=0, owned_by=done.provider or "") for model in named)
        is_head = self._request.method == "HEAD"
        return whole(200, codec.encode(ModelList(data=models)) + b"\n", closes=self._request.closes, is_head=is_head)


def describe(error: ProtocolError | SidecarError, status: int) -> ErrorBody:
    """Return the body of a response that refuses a request."""
    return error_body(str(error), code=error.code, status=status)


def failure(message: Error | Failure, request: Head) -> bytes:
    """Return the response to a request that has failed before anything else was sent."""
    status = STATUS[Code(message.code)]
    text = message.error if isinstance(message, Failure) else message.message
    body = codec.encode(error_body(text, code=message.code, status=status)) + b"\n"
    return whole(status, body, closes=request.closes, fields=retry_after(message.retry_after))


def _completion_id(reply: str | None) -> str:
    return f"chatcmpl-{(reply or '').removeprefix('r_')}"
