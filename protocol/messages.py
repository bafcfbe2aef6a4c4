"""Every request, event and answer of the wire, as msgspec structs. SPEC.md, sections 3 to 5, says what they mean.

Requests forbid unknown fields, so that a typo is an error. Events and answers allow them, so that old clients live.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Id = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._:-]{1,64}\Z")]
ReplyId = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
Key = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._:-]{1,128}\Z")]
Token = Annotated[str, Meta(max_length=512)]
Model = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._:/@-]{1,128}\Z")]
# Moodle writes pt_br where the web writes pt-BR.
Language = Annotated[str, Meta(pattern=r"\A[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*\Z", max_length=35)]
# A name in Moodle's world: any characters but controls, or an integer (of 64 bits: a number may have 4,300 digits).
_OuterId = (
    Annotated[str, Meta(pattern=r"\A[^\x00-\x1f\x7f-\x9f]{1,128}\Z")] | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
)

FinishReason = Literal["stop", "length", "filtered", "refused", "other"]


class Turn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One earlier message of a conversation."""

    role: Literal["user", "assistant"]
    content: str

    def __repr__(self) -> str:
        return f"Turn(role={self.role!r})"


class ClientMessage(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="action"
):
    """What a client sends. Its repr shows the id only: the rest is a person's text or a secret."""

    id: Id | None = None
    token: Token | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id!r})"


class Generate(ClientMessage, frozen=True, kw_only=True):
    """What chat, summarize and analyze have in common: a request for a text made by a model."""

    content: str
    context: str | None = None
    history: Annotated[tuple[Turn, ...], Meta(max_length=256)] | None = None
    instructions: Annotated[str, Meta(max_length=4000)] | None = None
    user_id: _OuterId | None = None
    course_id: _OuterId | None = None
    model: Model | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    language: Language | None = None
    stream: bool | None = None
    detach: bool | None = None
    ticket: bool | None = None
    key: Key | None = None
    grace_seconds: Annotated[float, Meta(ge=0, le=3600)] | None = None


class Chat(Generate, frozen=True, kw_only=True, tag="chat"):
    """Answer `content`, the latest message of a conversation."""


class Summarize(Generate, frozen=True, kw_only=True, tag="summarize"):
    """Summarize the text in `content`."""

    length: Literal["short", "medium", "long"] | None = None
    style: Literal["prose", "bullets"] | None = None


class Analyze(Generate, frozen=True, kw_only=True, tag="analyze"):
    """Analyze the text in `content` for teaching and learning."""

    format: Literal["text", "json"] | None = None


class SelfTest(ClientMessage, frozen=True, kw_only=True, tag="selftest"):
    """Write a short text at a known pace, without a model: to see whether it arrives as it is written."""

    user_id: _OuterId | None = None
    stream: bool | None = None
    detach: bool | None = None
    ticket: bool | None = None


class GivenTurn(Struct, frozen=True, kw_only=True):
    """One message, as a client of OpenAI gave it."""

    role: Literal["system", "user", "assistant"]
    content: str

    def __repr__(self) -> str:
        return f"GivenTurn(role={self.role!r})"


class Complete(Generate, frozen=True, kw_only=True, tag="complete"):
    """Answer `turns` as they are, without a prompt of ours; `content` is the latest.

    It is none of `Request`: only OpenAI's clients ask for it, in their own words (chat_completions.py).
    """

    turns: tuple[GivenTurn, ...]
    includes_usage: bool = False
    """Whether a stream ends with a chunk that has the usage."""


class Cancel(ClientMessage, frozen=True, kw_only=True, tag="cancel"):
    """End request `id` of this connection or, where `reply` is given, that reply on any connection."""

    reply: ReplyId | None = None
    user_id: _OuterId | None = None


class Resume(ClientMessage, frozen=True, kw_only=True, tag="resume"):
    """Read the detached reply `reply` behind the delta `after`."""

    reply: ReplyId
    after: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    user_id: _OuterId | None = None
    stream: bool | None = None


class Ticket(ClientMessage, frozen=True, kw_only=True, tag="ticket"):
    """Ask for a one-use ticket with which the web server's socket hands `reply` out behind the delta `after`."""

    reply: ReplyId
    after: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    user_id: _OuterId | None = None


class Ping(ClientMessage, frozen=True, kw_only=True, tag="ping"):
    """Ask who is there: the status call."""


Beginning = Generate | SelfTest
"""What begins a reply."""

Request = Chat | Summarize | Analyze | SelfTest | Cancel | Resume | Ticket | Ping


class Usage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens that a reply cost; `estimated` where the provider gave no count."""

    prompt_tokens: int
    completion_tokens: int
    estimated: bool = False


class ServerEvent(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event"):
    """What the server sends while it serves a request; `id` is absent where the request had none.

    Its repr, like those of answers, shows nothing of the text.
    """

    id: str | UnsetType | None = UNSET

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id!r})"


class Start(ServerEvent, frozen=True, kw_only=True, tag="start"):
    """The request was admitted; `reply` is the name of its reply."""

    reply: str
    model: str
    ticket: str | None = None
    expires_in: float | None = None


class Delta(ServerEvent, frozen=True, kw_only=True, tag="delta", gc=False):
    """Piece `seq` (1, 2, ... without gaps) of a reply's text."""

    seq: int
    text: str


class Progress(ServerEvent, frozen=True, kw_only=True, tag="progress"):
    """How far the work before or between the deltas is."""

    stage: str
    done: int
    total: int


class Done(ServerEvent, frozen=True, kw_only=True, tag="done"):
    """The good end of a request; which fields it has follows from the action that it answers."""

    # of a reply
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    overhead_ms: float | None = None
    shared: bool = False
    result: dict[str, object] | None = None
    # of ticket
    ticket: str | None = None
    expires_in: float | None = None
    # of ping
    protocol: int | None = None
    version: str | None = None
    provider: str | None = None
    models: tuple[str, ...] | None = None
    ready: bool | None = None
    tickets: bool | None = None


class Error(ServerEvent, frozen=True, kw_only=True, tag="error"):
    """The bad end of a request or, where `id` is null, of the connection."""

    code: str
    message: str
    retry_after: float | None = None
    usage: Usage | None = None
    shared: bool = False


class Heartbeat(ServerEvent, frozen=True, kw_only=True, tag="ping"):
    """A sign of life while a streaming request is running and nothing else is written."""


Event = Start | Delta | Progress | Done | Error | Heartbeat


class Success(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The plain answer to a request without `stream`: the whole text in `data`."""

    success: bool
    data: str
    id: str | UnsetType | None = UNSET
    reply: str | None = None
    model: str | None = None
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    overhead_ms: float | None = None
    shared: bool = False
    result: dict[str, object] | None = None

    def __repr__(self) -> str:
        return f"Success(id={self.id!r})"


class Failure(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The plain answer to a request without `stream` that failed; `partial` is the text that had come until then."""

    success: bool
    error: str
    code: str
    id: str | UnsetType | None = UNSET
    reply: str | None = None
    usage: Usage | None = None
    shared: bool = False
    partial: str | None = None
    retry_after: float | None = None

    def __repr__(self) -> str:
        return f"Failure(id={self.id!r}, code={self.code!r})"


Answer = Success | Failure


class Handover(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What HTTP gives for a reply that was begun, or for a ticket: the names that others need to read it."""

    reply: str | None = None
    ticket: str | None = None
    expires_in: float | None = None

    def __repr__(self) -> str:
        return f"Handover(reply={self.reply!r})"
