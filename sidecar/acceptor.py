"""Accepts on all listeners at once. Those of a parent are left to the next process when the drain begins."""

import socket
from collections.abc import Callable
from functools import partial

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from sidecar.connections import Connections
from sidecar.listeners import Listeners
from sidecar.reception import Reception
from sidecar.settings import Limits
from sidecar.transports.accepting import accept

_LOOK_SECONDS = 0.02

# Where the next process takes over who comes now, whoever has just connected has so long to say what it wants.
_LATECOMERS_SECONDS = 0.5

# Of the event loop: then what was read has become a request, and has begun.
_TURNS = 10


class Acceptor:
    """Has all connections that come served, and tells those that there is no room for."""

    def __init__(self, listeners: Listeners, connections: Connections, *, limits: Limits) -> None:
        self._listeners = listeners
        self._connections = connections
        self._limits = limits
        self._until_drain = anyio.CancelScope()
        self._reception: Reception | None = None

    async def run(self) -> None:
        """Accept and serve until cancelled."""
        async with anyio.create_task_group() as tasks:
            self._reception = Reception(self._connections, tasks, limits=self._limits)
            with self._until_drain:
                async with anyio.create_task_group() as until_drain:
                    self._accept(self._reception, tasks, until_drain)

    async def leave_to_the_next(self) -> None:
        """Let nobody in any more on what a parent holds, and take what those ask who were let in just before.

        The parent's sockets are the next process' from now on: who comes waits there, and is not refused. The web
        server's is not, since the tickets for it are ours.
        """
        inherited = self._listeners.inherited
        if inherited.unix is None and inherited.tcp is None:
            return
        self._until_drain.cancel()
        with anyio.move_on_after(_LATECOMERS_SECONDS):
            # Looking is bounded; telling would cost every message of every connection.
            while self._has_latecomers():  # noqa: ASYNC110
                await anyio.sleep(_LOOK_SECONDS)
        for _ in range(_TURNS):
            await anyio.lowlevel.checkpoint()

    def _has_latecomers(self) -> bool:
        return self._reception is not None and self._reception.guests > self._connections.heard

    def _accept(self, reception: Reception, tasks: TaskGroup, until_drain: TaskGroup) -> None:
        listeners, inherited = self._listeners, self._listeners.inherited

        def start(listener: socket.socket, welcome: Callable[[socket.socket], object], scope: TaskGroup) -> None:
            scope.start_soon(partial(accept, listener, welcome=welcome, refuse=reception.refuse))

        if listeners.unix is not None:
            welcome = partial(reception.welcome_unix, admission=listeners.admission)
            start(listeners.unix.socket, welcome, tasks if inherited.unix is None else until_drain)
        if listeners.web is not None:
            welcome_web = partial(reception.welcome_web, admission=listeners.web_admission)
            start(listeners.web.socket, welcome_web, tasks)
        if listeners.tcp is not None:
            welcome_tcp = partial(reception.welcome_tcp, token=listeners.token)
            start(listeners.tcp, welcome_tcp, tasks if inherited.tcp is None else until_drain)
