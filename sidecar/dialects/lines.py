"""Lines: for people, and for the clients of the system that this one replaces. SPEC.md, section 2.3."""

from msgspec import UNSET

from protocol.codec import Addressee
from protocol.framing import LineDecoder, encode_line
from sidecar.dialects._payloads import PayloadDialect

LINES = PayloadDialect(
    name="lines",
    new_decoder=LineDecoder,
    wrap=encode_line,
    serves_in_turn=True,
    end_means_gone=False,
    unasked=Addressee(id=UNSET, wants_events=False),
)
