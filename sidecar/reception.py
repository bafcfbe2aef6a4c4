"""Where accepted connections are counted, looked at and let in, or told that there is no room."""

import logging
import socket
from functools import partial

from anyio.abc import TaskGroup

from sidecar.connections import Connections
from sidecar.dialects import refusal_of_all_dialects
from sidecar.errors import Overloaded
from sidecar.observability import Seldom
from sidecar.secret import Secret
from sidecar.session import Peer
from sidecar.settings import Limits
from sidecar.transports import tcp
from sidecar.transports.credentials import Admission, credentials_of
from sidecar.transports.refusing import refuse
from sidecar.transports.streams import SocketStream

logger = logging.getLogger(__name__)

_RETRY_AFTER_SECONDS = 1.0


class Reception:
    """Lets connections in, each in a task of `tasks`."""

    def __init__(self, connections: Connections, tasks: TaskGroup, *, limits: Limits) -> None:
        self._connections = connections
        self._tasks = tasks
        self._limits = limits
        self._guests = 0
        self._strangers = 0
        """Of these: on TCP those that have not shown the token, on the Unix socket those that are only told no."""
        self._crowded = Seldom()
        self._forbidden = Seldom()
        self._forbidden_web = Seldom()

    @property
    def guests(self) -> int:
        """How many connections were let in and are open."""
        return self._guests

    def welcome_unix(self, connection: socket.socket, *, admission: Admission) -> None:
        """Serve a connection to the Unix socket."""
        if self._guests >= self._limits.max_connections:
            self.refuse(connection)
        else:
            self._guests += 1
            self._tasks.start_soon(self._serve_unix, connection, admission)

    def welcome_web(self, connection: socket.socket, *, admission: Admission) -> None:
        """Serve a connection of the web server."""
        if self._guests >= self._limits.max_connections:
            self.refuse(connection)
        else:
            self._guests += 1
            self._tasks.start_soon(partial(self._serve_unix, connection, admission, is_web_server=True))

    def welcome_tcp(self, connection: socket.socket, *, token: Secret | None) -> None:
        """Serve a connection by TCP; those that have not shown the token yet are few."""
        is_full = token is not None and self._strangers >= self._limits.max_unauthorized_connections
        if is_full or self._guests >= self._limits.max_connections:
            self.refuse(connection)
        else:
            self._guests += 1
            self._strangers += token is not None
            self._tasks.start_soon(self._serve_tcp, connection, token)

    def refuse(self, connection: socket.socket) -> None:
        """Tell a connection that there is no room, in the dialect that it has begun to speak, and close it."""
        if self._crowded.is_due():
            logger.warning("connections are refused: no room (SIDECAR_MAX_CONNECTIONS)")
        error = Overloaded("The sidecar has no room for another connection.", retry_after=_RETRY_AFTER_SECONDS)
        refuse(connection, partial(refusal_of_all_dialects, error))

    async def _serve_unix(
        self, connection: socket.socket, admission: Admission, *, is_web_server: bool = False
    ) -> None:
        stream = SocketStream(connection)
        refusal = None
        try:
            who = credentials_of(connection)
            name = f"{'web' if is_web_server else 'unix'} uid={who.uid} pid={who.pid}"
            refusal = await admission.check(who)
            if refusal is None:
                seconds = self._limits.first_byte_seconds if is_web_server else self._limits.socket_first_byte_seconds
                peer = Peer(name=name, first_byte_seconds=seconds, is_web_server=is_web_server)
                await self._connections.serve(stream, peer)
                return
            self._strangers += 1
            if (self._forbidden_web if is_web_server else self._forbidden).is_due():
                logger.warning("%s %s", name, refusal)
            if self._strangers <= self._limits.max_unauthorized_connections:
                seconds = self._limits.first_byte_seconds
                peer = Peer(name=name, first_byte_seconds=seconds, refusal=refusal, is_web_server=is_web_server)
                await self._connections.serve(stream, peer)
        except Exception:  # a fence: what fails before the connection is served ends no other
            logger.exception("connection failed before it was served")
        finally:
            stream.close()
            self._strangers -= refusal is not None
            self._guests -= 1

    async def _serve_tcp(self, connection: socket.socket, token: Secret | None) -> None:
        stream = SocketStream(connection)
        is_stranger = token is not None

        def on_authorized() -> None:
            nonlocal is_stranger
            self._strangers -= is_stranger
            is_stranger = False

        try:
            peer = Peer(
                name=f"tcp {tcp.prepare(connection)}",
                first_byte_seconds=self._limits.first_byte_seconds,
                token=token,
                hosts=tcp.hosts(connection),
                on_authorized=on_authorized,
            )
            await self._connections.serve(stream, peer)
        finally:
            stream.close()
            on_authorized()
            self._guests -= 1
