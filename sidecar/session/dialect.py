"""What the dialects that carry payloads differ in; sidecar/dialects has one file for each. SPEC.md, section 2."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from protocol.codec import Addressee


class Decoder(Protocol):
    """Takes payloads out of a stream of bytes, as the decoders of protocol/framing.py do."""

    @property
    def buffered_bytes(self) -> int: ...

    def feed(self, chunk: bytes) -> None: ...

    def end(self) -> None: ...

    def next_payload(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How bytes become requests on one kind of connection, and messages bytes."""

    name: str
    new_decoder: Callable[[int], Decoder]
    """Makes a decoder that refuses payloads of more bytes than given."""
    wrap: Callable[[bytes], bytes]
    """Returns the bytes that carry a payload."""
    serves_in_turn: bool
    """Whether requests without id are served one after the other; else a second one at a time is refused."""
    end_means_gone: bool
    """Whether the end of input says that the peer has left; else only that it has no more requests."""
    unasked: Addressee
    """The form of what no request caused."""
