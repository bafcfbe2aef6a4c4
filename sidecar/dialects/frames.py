"""Frames: for the PHP client and other programs. SPEC.md, section 2.2."""

from protocol.codec import Addressee
from protocol.framing import FrameDecoder, encode_frame
from sidecar.dialects._payloads import PayloadDialect

FRAMES = PayloadDialect(
    name="frames",
    new_decoder=FrameDecoder,
    wrap=encode_frame,
    serves_in_turn=False,
    end_means_gone=True,
    unasked=Addressee(id=None, wants_events=True),
)
