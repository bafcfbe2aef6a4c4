"""Serves until the end: `serve` on sockets, `serve_stdio` for a parent. Both end as SIGTERM says."""

import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskGroup, TaskStatus

from sidecar.assembly import Parts, assemble, describe
from sidecar.errors import Draining
from sidecar.process import has_terminal
from sidecar.providers.interface import Provider
from sidecar.session import ByteStream, Peer
from sidecar.settings import Settings
from sidecar.usage import open_usage_log

if TYPE_CHECKING:
    from sidecar.configuration import Configuration
    from sidecar.listeners import Listeners
    from sidecar.notifying import Notifier

logger = logging.getLogger(__name__)

# What stdio does without, or needs seldom. Once connections are accepted, there may be no descriptor to load it by.
_FOR_SERVE = (
    "sidecar.dialects.http.dialect",
    "sidecar.actions.analyze",
    "sidecar.actions._extractive",
    "sidecar.texts.readability",
)

# After the drain, so long for the last words to go out; after that, and after a second signal, the process just ends.
_LAST_WORDS_SECONDS = 0.5
_HARD_END_SECONDS = 0.4
_EXIT_STUCK = 70  # EX_SOFTWARE

_LOOK_SECONDS = 0.02


async def serve(configuration: "Configuration", listeners: "Listeners") -> int:
    """Serve the sockets until a signal ends it, and return the exit status. SIGHUP has all read again."""
    # The sockets are there already.
    for module in _FOR_SERVE:
        import_module(module)
    from sidecar.acceptor import Acceptor
    from sidecar.notifying import Notifier
    from sidecar.reloading import Reloading

    settings, gives_tickets = configuration.settings, listeners.web is not None
    with open_usage_log(settings.usage_file) as log, closing(Notifier(os.environ)) as notifier:
        async with assemble(
            settings, configuration.take_provider(), gives_tickets=gives_tickets, usage_log=log
        ) as parts:
            acceptor = Acceptor(listeners, parts.connections, limits=settings.limits)
            reloading = Reloading(configuration, parts, notifier, token=listeners.token)

            async def run() -> None:
                async with anyio.create_task_group() as tasks:
                    if not has_terminal():  # then SIGHUP ends us
                        await tasks.start(reloading.heed)
                    tasks.start_soon(_report, notifier, parts)
                    await acceptor.run()

            async def begin_drain() -> None:
                notifier.stopping(f"draining, answers being written: {parts.replies.running}")
                await acceptor.leave_to_the_next()

            ending = _Ending(parts, drain_seconds=settings.drain_seconds, begin_drain=begin_drain)
            return await ending.run_until_signal(run)


async def _report(notifier: "Notifier", parts: Parts) -> None:
    """Tell the supervisor that we serve, and again and again that the event loop runs."""
    notifier.ready(describe(parts))
    while notifier.has_supervisor:
        notifier.alive(describe(parts))
        await anyio.sleep(notifier.look_seconds)


async def serve_stdio(settings: Settings, stream: ByteStream, *, provider: Provider | None) -> int:
    """Serve one connection until its end of input or a signal, and return the exit status."""
    with open_usage_log(settings.usage_file) as log:
        async with assemble(settings, provider, is_child=True, usage_log=log) as parts:
            ending = _Ending(parts, drain_seconds=settings.drain_seconds, parent=os.getppid())
            peer = Peer(name="stdio", is_private=True)
            return await ending.run_until_signal(partial(parts.connections.serve, stream, peer))


async def _begin_nothing() -> None:
    pass


class _Ending:
    """SIGTERM and SIGINT: the first drains, a second one ends at once, and nothing holds the end up."""

    def __init__(
        self,
        parts: Parts,
        *,
        drain_seconds: float,
        parent: int | None = None,
        begin_drain: Callable[[], Awaitable[None]] = _begin_nothing,
    ) -> None:
        """`parent` is the process that we serve, where that is one; `begin_drain` comes before requests are refused."""
        self._parts = parts
        self._drain_seconds = drain_seconds
        self._parent = parent
        self._begin_drain = begin_drain
        self._exit_status = 0

    async def run_until_signal(self, run: Callable[[], Awaitable[None]]) -> int:
        """Run until that ends, or a signal has ended it, and return the exit status."""
        async with anyio.create_task_group() as tasks:
            await tasks.start(self._wait, tasks)
            await run()
            tasks.cancel_scope.cancel()
        return self._exit_status

    async def _wait(self, tasks: TaskGroup, *, task_status: TaskStatus[None]) -> None:
        """Wait for a signal, drain, and cancel `tasks`."""
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            task_status.started()
            await anext(signals)
            end_hard_after(self._drain_seconds + _LAST_WORDS_SECONDS + _HARD_END_SECONDS)
            if self._parent in (None, os.getppid()):
                tasks.start_soon(self._drain, tasks)
            else:
                tasks.cancel_scope.cancel()  # whom we serve has ended; that it did is why we got the signal
            async for number in signals:
                logger.warning("%s again: ending at once", number.name)
                self._exit_status = 128 + number
                end_hard_after(_HARD_END_SECONDS, self._exit_status)
                tasks.cancel_scope.cancel()

    async def _drain(self, tasks: TaskGroup) -> None:
        logger.info("draining for at most %g s", self._drain_seconds)
        await self._begin_drain()
        self._parts.service.is_draining = True
        with anyio.move_on_after(self._drain_seconds):
            await self._until_idle()
        self._parts.replies.end_all(Draining("The sidecar was restarted before the reply was whole.", retry_after=5.0))
        with anyio.move_on_after(_LAST_WORDS_SECONDS):
            await self._until_idle()
        logger.info("ending")
        tasks.cancel_scope.cancel()

    async def _until_idle(self) -> None:
        # Looking is bounded by the drain; telling would cost every message of every connection.
        while not self._parts.connections.is_idle:  # noqa: ASYNC110
            await anyio.sleep(_LOOK_SECONDS)


def end_hard_after(seconds: float, status: int = _EXIT_STUCK) -> None:
    """End the process after so long, whatever hangs: a thread in a name look-up is waited for at a normal end."""
    timer = threading.Timer(seconds, os._exit, [status])
    timer.daemon = True
    with suppress(RuntimeError):  # there may be no thread to be had; then the drain goes on without a guard
        timer.start()
