"""Puts the parts together that every way to serve has: provider, replies, service, connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Struct

from sidecar.actions import Rules
from sidecar.connections import Connections
from sidecar.observability import Metrics
from sidecar.providers.interface import Provider
from sidecar.providers.opening import opened
from sidecar.providers.queued import Turns
from sidecar.replies import Replies, ReplyLimits, TicketLimits, TicketStore
from sidecar.service import Service
from sidecar.session import ByteBudget, SessionLimits
from sidecar.settings import Settings
from sidecar.usage import Accounts, UsageLog


class Parts(Struct, frozen=True):
    """What serves, ready to be given connections."""

    replies: Replies
    service: Service
    connections: Connections


@asynccontextmanager
async def assemble(
    settings: Settings,
    provider: Provider | None,
    *,
    is_child: bool = False,
    gives_tickets: bool = False,
    usage_log: UsageLog | None = None,
) -> AsyncIterator[Parts]:
    """Give the parts, which live as long as the block.

    `is_child`: all connections are of the one whom we serve. `gives_tickets`: there is a socket that takes them.
    """
    limits = settings.limits
    reply_limits = ReplyLimits(
        max_reply_bytes=limits.max_reply_bytes,
        max_total_bytes=limits.max_replies_bytes,
        max_prompt_bytes=limits.max_unfinished_bytes,
        max_running=limits.max_running,
        grace_seconds=settings.grace_seconds,
        resume_seconds=settings.resume_seconds,
        cache_seconds=settings.cache_seconds,
    )
    rules = Rules(
        models=provider.models if provider else (),
        max_tokens=settings.max_tokens,
        max_text_bytes=limits.max_text_bytes,
        max_chat_bytes=limits.max_chat_bytes,
        summarize_threshold=settings.summarize_threshold,
        context_tokens=settings.context_tokens,
        extractive_fallback=settings.extractive_fallback,
    )
    # The provider is the outer one: its connections are needed until the last call has ended.
    metrics = Metrics(model for model in (provider.models if provider else ()) if model != "*")
    async with opened(provider), Replies(reply_limits, metrics) as replies:
        tickets = TicketStore(TicketLimits(ticket_seconds=settings.ticket_seconds)) if gives_tickets else None
        accounts = Accounts(metrics, limits=settings.user_limits, key=settings.usage_key, log=usage_log)
        turns = Turns(limits.max_upstream, max_seconds=limits.queue_seconds)
        metrics.watch("sidecar_calls_queued", "Calls that wait for a place.", lambda: len(turns.queue))
        service = Service(
            provider=provider, replies=replies, rules=rules, tickets=tickets, turns=turns, accounts=accounts
        )
        yield Parts(replies, service, Connections(service, session_limits(settings, is_child=is_child)))


def session_limits(settings: Settings, *, is_child: bool = False) -> SessionLimits:
    """Return what connections may do by the settings, with fresh budgets for all of them together.

    A parent may take its time with its requests: nobody else waits for the room that it takes up.
    """
    limits = settings.limits
    return SessionLimits(
        max_payload_bytes=limits.max_payload_bytes,
        max_running=limits.max_running_per_connection,
        max_waiting=limits.max_waiting_per_connection,
        read_seconds=None if is_child else limits.read_seconds,
        idle_seconds=None if is_child else limits.idle_seconds,
        heartbeat_seconds=settings.heartbeat_seconds,
        stall_seconds=limits.stall_seconds,
        unfinished=ByteBudget(limits.max_unfinished_bytes),
        unfinished_of_strangers=ByteBudget(limits.max_unauthorized_bytes),
    )
