"""One connection, whatever transport it came by and whatever dialect it speaks."""

from sidecar.session.answers import address, refusal
from sidecar.session.byte_stream import ByteStream, PeerGone
from sidecar.session.dialect import Decoder, Dialect, Errand, Form, Incoming, NoMore, Send
from sidecar.session.jobs import Job
from sidecar.session.peer import ByteBudget, Peer, SessionLimits
from sidecar.session.serving import serve_start, serve_ticket
from sidecar.session.session import Session, TooSlow

__all__ = [
    "ByteBudget",
    "ByteStream",
    "Decoder",
    "Dialect",
    "Errand",
    "Form",
    "Incoming",
    "Job",
    "NoMore",
    "Peer",
    "PeerGone",
    "Send",
    "Session",
    "SessionLimits",
    "TooSlow",
    "address",
    "refusal",
    "serve_start",
    "serve_ticket",
]
