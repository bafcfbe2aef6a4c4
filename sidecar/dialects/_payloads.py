"""What frames and lines share: a request is one payload, and so is each message to it."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from protocol import codec
from protocol.codec import Addressee
from protocol.errors import ProtocolError
from protocol.messages import Answer, Event, Heartbeat
from sidecar.errors import SidecarError
from sidecar.session import Decoder, Incoming, address, refusal


class PayloadForm(Struct, frozen=True):
    """The same for every request: it has no state."""

    wrap: Callable[[bytes], bytes]

    @property
    def heartbeat(self) -> bytes:
        return self.encode([Heartbeat()])

    def encode(self, messages: Sequence[Event | Answer]) -> bytes:
        if len(messages) == 1:
            return self.wrap(codec.encode(messages[0]))
        return b"".join([self.wrap(codec.encode(message)) for message in messages])


class PayloadDialect(Struct, frozen=True, kw_only=True):
    """A dialect whose messages are payloads."""

    name: str
    new_decoder: Callable[[int], Decoder[bytes]]
    """Makes a decoder that refuses payloads of more bytes than given."""
    wrap: Callable[[bytes], bytes]
    """Returns the bytes that carry a payload."""
    serves_in_turn: bool
    end_means_gone: bool
    unasked: Addressee
    answers_in_order: bool = False

    @property
    def form(self) -> PayloadForm:
        """The form of what no request caused."""
        return PayloadForm(self.wrap)

    def new_reader(self, max_payload_bytes: int) -> Decoder[Incoming]:
        return _PayloadReader(self.new_decoder(max_payload_bytes), self.form)

    def refuse(self, error: ProtocolError | SidecarError) -> bytes:
        return self.form.encode([refusal(self.unasked, error, usage=None)])


class _PayloadReader:
    """Understands the payloads of a decoder."""

    def __init__(self, decoder: Decoder[bytes], form: PayloadForm) -> None:
        self._decoder = decoder
        self._form = form
        self.feed = decoder.feed
        self.end = decoder.end

    @property
    def buffered_bytes(self) -> int:
        return self._decoder.buffered_bytes

    def next_payload(self) -> Incoming | None:
        payload = self._decoder.next_payload()
        if payload is None:
            return None
        try:
            request = codec.decode_request(payload)
        except ProtocolError as exc:
            return Incoming(asked=exc, addressee=codec.decode_addressee(payload), form=self._form)
        return Incoming(asked=request, addressee=address(request), form=self._form)
