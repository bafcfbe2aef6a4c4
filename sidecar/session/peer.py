"""Who is at the other end of a connection, and what he may take up before he has shown who he is."""

from collections.abc import Callable

from msgspec import Struct

from sidecar.errors import SidecarError
from sidecar.secret import Secret


class Peer(Struct, frozen=True, kw_only=True):
    """What the transport knows of the other end."""

    name: str
    """For the log: `unix uid=33 pid=4711`, `tcp 127.0.0.1:50112`, `stdio`."""
    first_byte_seconds: float | None = None
    """How long it may keep silent before its first byte; None: for ever."""
    is_private: bool = False
    """Whether it is our parent, on stdio: what is no dialect is answered as a bad line, and the end of input never
    means that it has left, since its other pipe may still be read."""
    token: Secret | None = None
    """What its first request must carry, where it must."""
    refusal: SidecarError | None = None
    """Why it is not served at all."""
    hosts: frozenset[str] | None = None
    """What it must call us by in HTTP, one of them; None: as it likes."""
    is_web_server: bool = False
    """Whether it is the web server, for anybody out there: it gets what its ticket opens, and nothing else."""
    on_authorized: Callable[[], None] = lambda: None
    """Called once it has shown the token."""


# What a wrong guess at the token costs.
WRONG_TOKEN_SECONDS = 0.1


class ByteBudget:
    """Bytes that several connections share."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0

    def take(self, wanted_bytes: int) -> bool:
        """Take so many bytes, or none of them where they are not there."""
        if self.used_bytes + wanted_bytes > self.limit_bytes:
            return False
        self.used_bytes += wanted_bytes
        return True

    def give(self, returned_bytes: int) -> None:
        self.used_bytes -= returned_bytes


class SessionLimits(Struct, frozen=True, kw_only=True):
    """What one connection may do, and what all may hold together."""

    max_payload_bytes: int
    max_running: int
    max_waiting: int
    read_seconds: float | None
    """A message, once begun, must be whole after so long."""
    idle_seconds: float | None
    """A connection without a request is closed after so long."""
    heartbeat_seconds: float
    stall_seconds: float
    unfinished: ByteBudget
    """Bytes of all requests that have begun to arrive and are not answered."""
    unfinished_of_strangers: ByteBudget
    """The same for connections that have not shown their token."""
