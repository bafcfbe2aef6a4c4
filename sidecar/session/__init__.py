"""One connection, whatever transport it came by and whatever dialect it speaks."""

from sidecar.session.answers import encode_unasked
from sidecar.session.byte_stream import ByteStream, PeerGone
from sidecar.session.dialect import Dialect
from sidecar.session.peer import ByteBudget, Peer, SessionLimits
from sidecar.session.session import Session

__all__ = ["ByteBudget", "ByteStream", "Dialect", "Peer", "PeerGone", "Session", "SessionLimits", "encode_unasked"]
