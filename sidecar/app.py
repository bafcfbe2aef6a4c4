"""Puts the parts together and runs them: `serve` on sockets, `serve_stdio` for a parent. Both end as SIGTERM says."""

import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import anyio
from anyio.abc import TaskGroup

from sidecar.actions import Rules
from sidecar.connections import Connections
from sidecar.errors import Draining
from sidecar.listeners import Listeners
from sidecar.providers.interface import Provider
from sidecar.providers.opening import opened
from sidecar.reception import Reception
from sidecar.replies import Replies, ReplyLimits
from sidecar.service import Service
from sidecar.session import ByteBudget, ByteStream, Peer, SessionLimits
from sidecar.settings import Settings
from sidecar.transports.accepting import accept

logger = logging.getLogger(__name__)

# After the drain, so long for the last words to go out; after that, and after a second signal, the process just ends.
_LAST_WORDS_SECONDS = 0.5
_HARD_END_SECONDS = 0.4
_EXIT_STUCK = 70  # EX_SOFTWARE

_LOOK_SECONDS = 0.02


async def serve(settings: Settings, listeners: Listeners, *, provider: Provider | None) -> int:
    """Serve the sockets until a signal ends it, and return the exit status."""

    async def run(service: Service, connections: Connections) -> None:
        async with anyio.create_task_group() as tasks:
            reception = Reception(connections, tasks, limits=settings.limits)
            if listeners.unix is not None:
                welcome = partial(reception.welcome_unix, admission=listeners.admission)
                tasks.start_soon(partial(accept, listeners.unix.socket, welcome=welcome, refuse=reception.refuse))
            if listeners.tcp is not None:
                welcome_tcp = partial(reception.welcome_tcp, token=listeners.token)
                tasks.start_soon(partial(accept, listeners.tcp, welcome=welcome_tcp, refuse=reception.refuse))

    return await _run_until_signal(settings, provider, run)


async def serve_stdio(settings: Settings, stream: ByteStream, *, provider: Provider | None) -> int:
    """Serve one connection until its end of input or a signal, and return the exit status."""

    async def run(_service: Service, connections: Connections) -> None:
        await connections.serve(stream, Peer(name="stdio", is_private=True))

    return await _run_until_signal(settings, provider, run, is_child=True)


async def _run_until_signal(
    settings: Settings,
    provider: Provider | None,
    run: Callable[[Service, Connections], Awaitable[None]],
    *,
    is_child: bool = False,
) -> int:
    limits = settings.limits
    reply_limits = ReplyLimits(
        max_reply_bytes=limits.max_reply_bytes,
        max_total_bytes=limits.max_replies_bytes,
        max_running=limits.max_running,
        grace_seconds=settings.grace_seconds,
        resume_seconds=settings.resume_seconds,
    )
    # The provider is the outer one: its connections are needed until the last call has ended.
    async with opened(provider), Replies(reply_limits) as replies:
        rules = Rules(
            models=provider.models if provider else (),
            max_tokens=settings.max_tokens,
            max_text_bytes=limits.max_text_bytes,
            max_chat_bytes=limits.max_chat_bytes,
        )
        service = Service(provider=provider, replies=replies, rules=rules)
        connections = Connections(service, session_limits(settings, is_child=is_child))
        parent = os.getppid() if is_child else None
        ending = _Ending(service, connections, replies, drain_seconds=settings.drain_seconds, parent=parent)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ending.wait, tasks)
            await run(service, connections)
            tasks.cancel_scope.cancel()
        return ending.exit_status


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


class _Ending:
    """SIGTERM and SIGINT: the first drains, a second one ends at once, and nothing holds the end up."""

    def __init__(
        self,
        service: Service,
        connections: Connections,
        replies: Replies,
        *,
        drain_seconds: float,
        parent: int | None = None,
    ) -> None:
        """`parent` is the process that we serve, where that is one."""
        self._service = service
        self._connections = connections
        self._replies = replies
        self._drain_seconds = drain_seconds
        self._parent = parent
        self.exit_status = 0

    async def wait(self, tasks: TaskGroup) -> None:
        """Wait for a signal, drain, and cancel `tasks`."""
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            await anext(signals)
            end_hard_after(self._drain_seconds + _LAST_WORDS_SECONDS + _HARD_END_SECONDS)
            if self._parent in (None, os.getppid()):
                tasks.start_soon(self._drain, tasks)
            else:
                tasks.cancel_scope.cancel()  # whom we serve has ended; that it did is why we got the signal
            async for number in signals:
                logger.warning("%s again: ending at once", number.name)
                self.exit_status = 128 + number
                end_hard_after(_HARD_END_SECONDS, self.exit_status)
                tasks.cancel_scope.cancel()

    async def _drain(self, tasks: TaskGroup) -> None:
        logger.info("draining for at most %g s", self._drain_seconds)
        self._service.is_draining = True
        with anyio.move_on_after(self._drain_seconds):
            await self._until_idle()
        self._replies.end_all(Draining("The sidecar was restarted before the reply was whole.", retry_after=5.0))
        with anyio.move_on_after(_LAST_WORDS_SECONDS):
            await self._until_idle()
        logger.info("ending")
        tasks.cancel_scope.cancel()

    async def _until_idle(self) -> None:
        # Looking is bounded by the drain; telling would cost every message of every connection.
        while not self._connections.is_idle:  # noqa: ASYNC110
            await anyio.sleep(_LOOK_SECONDS)


def end_hard_after(seconds: float, status: int = _EXIT_STUCK) -> None:
    """End the process after so long, whatever hangs: a thread in a name look-up is waited for at a normal end."""
    timer = threading.Timer(seconds, os._exit, [status])
    timer.daemon = True
    with suppress(RuntimeError):  # there may be no thread to be had; then the drain goes on without a guard
        timer.start()
