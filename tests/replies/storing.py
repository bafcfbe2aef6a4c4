"""What tests of the store share."""

from sidecar.errors import NotFound
from sidecar.replies import Opening, Reply
from sidecar.replies.reply import Call
from sidecar.replies.store import ReplyStore
from tests.replies.fakes import DETACHED, DONE, PROMPT


def start(store: ReplyStore, opening: Opening = DETACHED) -> tuple[Reply, Call]:
    reply, call = store.open(PROMPT, opening, 0.0)
    assert call is not None
    return reply, call


def keep(store: ReplyStore, text: str, now: float) -> Reply:
    """Return a finished reply that nobody reads."""
    reply, call = start(store)
    store.append(call, text)
    store.finish(call, DONE, now)
    store.leave(reply, now)
    return reply


def is_kept(store: ReplyStore, reply: Reply) -> bool:
    try:
        return store.find(reply.id, None) is reply
    except NotFound:
        return False
