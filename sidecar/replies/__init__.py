"""The reply log and what follows from it: streaming, slow readers, resume, detach, plain answers, sharing, cancel."""

from sidecar.replies.log import End
from sidecar.replies.opening import Opening, ReplyLimits
from sidecar.replies.replies import Replies
from sidecar.replies.reply import Reader, Reply
from sidecar.replies.tickets import Grant, TicketLimits, TicketStore

__all__ = [
    "End",
    "Grant",
    "Opening",
    "Reader",
    "Replies",
    "Reply",
    "ReplyLimits",
    "TicketLimits",
    "TicketStore",
]
