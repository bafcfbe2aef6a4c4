"""What the dialects differ in; sidecar/dialects has one file, or one folder, for each. SPEC.md, section 2."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from msgspec import Struct

from protocol.codec import Addressee
from protocol.errors import ProtocolError
from protocol.messages import Answer, Beginning, Event, Request
from sidecar.errors import SidecarError

if TYPE_CHECKING:
    from sidecar.service import Service
    from sidecar.session.jobs import Job

T_co = TypeVar("T_co", covariant=True)


class Send(Protocol):
    """Sends messages of one request."""

    async def __call__(self, messages: list[Event]) -> None:
        """Send them, and wait first while the connection takes too little."""

    @property
    def keeps_up(self) -> bool:
        """Whether the connection has taken everything so far."""

    def now(self, messages: list[Event]) -> None:
        """Send them without waiting, to a connection that keeps up."""


class Form(Protocol):
    """How the messages of one request become bytes on its connection."""

    @property
    def heartbeat(self) -> bytes:
        """A sign of life for a request that gets events; b"" where none can be given now."""

    def encode(self, messages: Sequence[Event | Answer]) -> bytes:
        """Return the bytes of the next messages, in the order in which they are sent."""


class Errand(Struct, frozen=True):
    """A request that is served in a way of its own: `serve` returns its last message, `what` names it in the log."""

    what: str
    serve: "Callable[[Job, Service, Send], Awaitable[Event | Answer]]"
    is_routine: bool = False
    """Whether it comes so often, and means so little, that it is neither logged nor counted."""


class Incoming(Struct, frozen=True, kw_only=True):
    """What a client has sent, as its dialect understands it."""

    asked: Request | Beginning | Errand | ProtocolError | SidecarError
    """An error: it cannot be understood, or must not be served, and is answered so."""
    addressee: Addressee
    form: Form
    is_open: bool = False
    """Whether who has sent it need not be known here: all may ask this, or the dialect has looked."""


class NoMore(Exception):
    """The last request of a connection has come; what follows means nothing."""


class Decoder(Protocol[T_co]):
    """Takes something out of a stream of bytes, as the decoders of protocol/framing.py take payloads."""

    @property
    def buffered_bytes(self) -> int: ...

    def feed(self, chunk: bytes) -> None: ...

    def end(self) -> None: ...

    def next_payload(self) -> T_co | None: ...


class Dialect(Protocol):
    """How bytes become requests on one kind of connection, and messages bytes."""

    @property
    def name(self) -> str: ...

    @property
    def serves_in_turn(self) -> bool:
        """Whether requests without id are served one after the other; else a second one at a time is refused."""

    @property
    def answers_in_order(self) -> bool:
        """Whether answers stand in the order of their requests, whatever their ids, with nothing between them."""

    @property
    def end_means_gone(self) -> bool:
        """Whether the end of input says that the peer has left; else only that it has no more requests."""

    def new_reader(self, max_payload_bytes: int) -> Decoder[Incoming]:
        """Make a decoder that refuses what is larger. It may raise NoMore instead of giving the next."""

    def refuse(self, error: ProtocolError | SidecarError) -> bytes:
        """Return the bytes that tell a connection of an error that no request caused."""
