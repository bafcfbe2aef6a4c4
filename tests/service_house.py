"""A service with replies and a provider that waits, for the tests of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from protocol.messages import Analyze, Beginning, Chat, Resume, Summarize
from sidecar.errors import (
    SidecarError,
)
from sidecar.providers import Provider
from sidecar.replies import Replies, Reply, ReplyLimits, TicketStore
from sidecar.service import Service
from tests.replies.fakes import GatedProvider
from tests.rules import make_rules

KINDS = (Chat, Summarize, Analyze)


RULES = make_rules(*GatedProvider.models, max_chat_bytes=100, max_text_bytes=100)


DETACHED = Chat(content="Hi", user_id="42", detach=True)


KEYED = Chat(content="Hi", user_id="42", detach=True, key="k")


every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


class House:
    """A service and what stands behind it."""

    def __init__(self, replies: Replies, provider: Provider | None, tickets: TicketStore | None) -> None:
        self.replies = replies
        self.service = Service(provider=provider, replies=replies, rules=RULES, tickets=tickets)

    def refuse(self, request: Beginning) -> SidecarError:
        """Return the error with which a request is refused; it must have begun nothing."""
        running = self.replies.running
        with pytest.raises(SidecarError) as caught:
            self.service.open(request)
        assert self.replies.running == running
        return caught.value


@asynccontextmanager
async def open_house(
    provider: Provider | None,
    *,
    max_running: int = 10,
    resume_seconds: float = 600,
    tickets: TicketStore | None = None,
) -> AsyncIterator[House]:
    async with Replies(ReplyLimits(max_running=max_running, resume_seconds=resume_seconds)) as replies:
        yield House(replies, provider, tickets)


def resume(reply: Reply, *, after: int | None = None, user_id: str | int | None = None) -> Resume:
    return Resume(reply=reply.id, after=after, user_id=user_id)
