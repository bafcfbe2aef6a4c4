"""Serves until the end: `serve` on sockets, `serve_stdio` for a parent. Both end as SIGTERM says."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup, TaskStatus

from sidecar.assembly import Parts, assemble, describe
from sidecar.connections import Connections
from sidecar.errors import Draining
from sidecar.process import has_terminal
from sidecar.providers.interface import Provider
from sidecar.session import ByteStream, Peer
from sidecar.settings import Settings
from sidecar.usage import open_usage_log

if TYPE_CHECKING:
    from sidecar.configuration import Configuration
    from sidecar.listeners import Listeners
    from sidecar.supervisor import Supervisor

logger = logging.getLogger(__name__)

# What stdio does without, or needs seldom. Once connections are accepted, there may be no descriptor to load it by.
_FOR_SERVE = ("sidecar.dialects.http.dialect", "sidecar.actions._extractive", "sidecar.texts.readability")

# After the drain, so long for the last words to go out; after that, and after a second signal, the process just ends.
_LAST_WORDS_SECONDS = 0.5
_HARD_END_SECONDS = 0.4
_EXIT_STUCK = 70  # EX_SOFTWARE

_LOOK_SECONDS = 0.02

# Where the next process takes over who comes now, whoever has just connected has so long to say what it wants.
_LATECOMERS_SECONDS = 0.5

# Of the event loop: then what was read has become a request, and has begun.
_TURNS = 10


async def serve(configuration: "Configuration", listeners: "Listeners") -> int:
    """Serve the sockets until a signal ends it, and return the exit status. SIGHUP has all read again."""
    # The sockets are there already.
    for module in _FOR_SERVE:
        import_module(module)
    from sidecar.reception import Reception
    from sidecar.reloading import Reloading
    from sidecar.supervisor import Supervisor
    from sidecar.transports.accepting import accept

    settings, inherited = configuration.settings, listeners.inherited
    # What the parent holds is the next process' from the drain on: who comes then waits there, and is not refused. The
    # web server's socket is not: the tickets for it are ours.
    until_drain = anyio.CancelScope()

    reception: Reception

    async def run(connections: Connections) -> None:
        nonlocal reception
        async with anyio.create_task_group() as tasks:
            reception = Reception(connections, tasks, limits=settings.limits)

            def start(listener: socket.socket, welcome: Callable[[socket.socket], object], scope: TaskGroup) -> None:
                scope.start_soon(partial(accept, listener, welcome=welcome, refuse=reception.refuse))

            with until_drain:
                async with anyio.create_task_group() as passing:
                    if listeners.unix is not None:
                        welcome = partial(reception.welcome_unix, admission=listeners.admission)
                        start(listeners.unix.socket, welcome, tasks if inherited.unix is None else passing)
                    if listeners.web is not None:
                        welcome_web = partial(reception.welcome_web, admission=listeners.web_admission)
                        start(listeners.web.socket, welcome_web, tasks)
                    if listeners.tcp is not None:
                        welcome_tcp = partial(reception.welcome_tcp, token=listeners.token)
                        start(listeners.tcp, welcome_tcp, tasks if inherited.tcp is None else passing)

    gives_tickets = listeners.web is not None
    with open_usage_log(settings.usage_file) as log, closing(Supervisor(os.environ)) as supervisor:
        async with assemble(
            settings, configuration.take_provider(), gives_tickets=gives_tickets, usage_log=log
        ) as parts:
            reloading = Reloading(configuration, parts, supervisor, token=listeners.token)

            async def leave_to_the_next() -> None:
                """Let nobody in any more, and take what those ask who were let in just before."""
                until_drain.cancel()
                with anyio.move_on_after(_LATECOMERS_SECONDS):
                    while reception.guests > parts.connections.heard:  # noqa: ASYNC110 - as in _until_idle
                        await anyio.sleep(_LOOK_SECONDS)
                for _ in range(_TURNS):
                    await anyio.lowlevel.checkpoint()

            async def run_with_reloads(connections: Connections) -> None:
                async with anyio.create_task_group() as tasks:
                    if not has_terminal():  # then SIGHUP ends us
                        await tasks.start(reloading.heed)
                    tasks.start_soon(_report, supervisor, parts)
                    await run(connections)

            return await _run_until_signal(
                run_with_reloads,
                parts,
                drain_seconds=settings.drain_seconds,
                before_drain=leave_to_the_next if inherited.unix is not None or inherited.tcp is not None else None,
                on_drain=lambda: supervisor.stopping(f"draining, answers being written: {parts.replies.running}"),
            )


async def _report(supervisor: "Supervisor", parts: Parts) -> None:
    """Tell the supervisor that we serve, and again and again that the event loop runs."""
    supervisor.ready(describe(parts))
    while supervisor.is_there:
        supervisor.alive(describe(parts))
        await anyio.sleep(supervisor.look_seconds)


async def serve_stdio(settings: Settings, stream: ByteStream, *, provider: Provider | None) -> int:
    """Serve one connection until its end of input or a signal, and return the exit status."""

    async def run(connections: Connections) -> None:
        await connections.serve(stream, Peer(name="stdio", is_private=True))

    with open_usage_log(settings.usage_file) as log:
        async with assemble(settings, provider, is_child=True, usage_log=log) as parts:
            return await _run_until_signal(run, parts, drain_seconds=settings.drain_seconds, parent=os.getppid())


async def _run_until_signal(
    run: Callable[[Connections], Awaitable[None]],
    parts: Parts,
    *,
    drain_seconds: float,
    parent: int | None = None,
    before_drain: Callable[[], Awaitable[None]] | None = None,
    on_drain: Callable[[], None] = lambda: None,
) -> int:
    ending = _Ending(parts, drain_seconds=drain_seconds, parent=parent, before_drain=before_drain, on_drain=on_drain)
    async with anyio.create_task_group() as tasks:
        await tasks.start(ending.wait, tasks)
        await run(parts.connections)
        tasks.cancel_scope.cancel()
    return ending.exit_status


class _Ending:
    """SIGTERM and SIGINT: the first drains, a second one ends at once, and nothing holds the end up."""

    def __init__(
        self,
        parts: Parts,
        *,
        drain_seconds: float,
        parent: int | None = None,
        before_drain: Callable[[], Awaitable[None]] | None = None,
        on_drain: Callable[[], None] = lambda: None,
    ) -> None:
        """`parent` is the process that we serve, where that is one; `before_drain` leaves who comes to the next."""
        self._parts = parts
        self._drain_seconds = drain_seconds
        self._parent = parent
        self._before_drain = before_drain
        self._on_drain = on_drain
        self.exit_status = 0

    async def wait(self, tasks: TaskGroup, *, task_status: TaskStatus[None]) -> None:
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
                self.exit_status = 128 + number
                end_hard_after(_HARD_END_SECONDS, self.exit_status)
                tasks.cancel_scope.cancel()

    async def _drain(self, tasks: TaskGroup) -> None:
        logger.info("draining for at most %g s", self._drain_seconds)
        self._on_drain()
        if self._before_drain is not None:
            await self._before_drain()
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
