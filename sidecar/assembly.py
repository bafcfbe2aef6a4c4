"""Puts the parts together that every way to serve has: provider, replies, service, connections."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from msgspec import Struct
from msgspec.structs import replace

from sidecar.actions import Rules
from sidecar.connections import Connections
from sidecar.observability import Metrics
from sidecar.providers.interface import Provider
from sidecar.providers.queued import Turns
from sidecar.providers.succession import Succession
from sidecar.replies import Replies, ReplyLimits, TicketLimits, TicketStore
from sidecar.service import Service
from sidecar.session import ByteBudget, SessionLimits
from sidecar.settings import Settings
from sidecar.usage import Accounts, UsageLog


class Parts(Struct):
    """What serves, ready to be given connections."""

    replies: Replies
    service: Service
    connections: Connections
    succession: Succession
    turns: Turns


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
    # The provider is the outer one: its connections are needed until the last call has ended.
    metrics = Metrics(_labels(provider))
    async with Succession() as succession, Replies(_reply_limits(settings), metrics) as replies:
        tickets = TicketStore(TicketLimits(ticket_seconds=settings.ticket_seconds)) if gives_tickets else None
        accounts = Accounts(metrics, limits=settings.user_limits, key=settings.usage_key, log=usage_log)
        turns = _turns(settings)
        service = Service(
            provider=None if provider is None else succession,
            replies=replies,
            rules=_rules(settings, provider),
            tickets=tickets,
            turns=turns,
            accounts=accounts,
        )
        metrics.watch("sidecar_calls_queued", "Calls that wait for a place.", lambda: service.queued)
        await succession.change(provider)
        del provider  # it may be replaced, and is not to live on with its keys
        connections = Connections(service, session_limits(settings, is_child=is_child))
        yield Parts(replies, service, connections, succession, turns)


async def change(parts: Parts, settings: Settings, provider: Provider | None, *, on_end: Callable[[], None]) -> None:
    """Serve what comes from now on by other settings and another provider, as far as that is possible at run time.

    `on_end` is called when the provider before it has given its last answer and is closed.
    """
    parts.replies.metrics.know(_labels(provider))
    await parts.succession.change(provider, on_end)
    if (turns := _turns(settings)).bounds != parts.turns.bounds:
        parts.turns = turns
    asked = None if provider is None else parts.succession
    parts.service.use(asked, rules=_rules(settings, provider), turns=parts.turns)
    shared = parts.connections.limits
    parts.connections.limits = replace(
        session_limits(settings), unfinished=shared.unfinished, unfinished_of_strangers=shared.unfinished_of_strangers
    )


def describe(parts: Parts) -> str:
    """Return what `systemctl status` shows of us."""
    status = parts.service.status()
    provider = f"provider {status.provider} {'ready' if status.ready else 'NOT ready'}"
    if status.provider is None:
        provider = "NO provider: set SIDECAR_PROVIDER or OPENAI_API_KEY"
    return f"answers being written: {parts.replies.running}, {provider}"


def _labels(provider: Provider | None) -> list[str]:
    return [model for model in (provider.models if provider else ()) if model != "*"]


def _turns(settings: Settings) -> Turns:
    return Turns(settings.limits.max_upstream, max_seconds=settings.limits.queue_seconds)


def _rules(settings: Settings, provider: Provider | None) -> Rules:
    return Rules(
        models=provider.models if provider else (),
        max_tokens=settings.max_tokens,
        max_text_bytes=settings.limits.max_text_bytes,
        max_chat_bytes=settings.limits.max_chat_bytes,
        summarize_threshold=settings.summarize_threshold,
        context_tokens=settings.context_tokens,
        extractive_fallback=settings.extractive_fallback,
    )


def _reply_limits(settings: Settings) -> ReplyLimits:
    limits = settings.limits
    return ReplyLimits(
        max_reply_bytes=limits.max_reply_bytes,
        max_total_bytes=limits.max_replies_bytes,
        max_prompt_bytes=limits.max_unfinished_bytes,
        max_running=limits.max_running,
        grace_seconds=settings.grace_seconds,
        resume_seconds=settings.resume_seconds,
        cache_seconds=settings.cache_seconds,
    )


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
