"""All connections of the process: each from its first byte to its close, and how many there may be."""

import logging

import anyio

from sidecar.dialects import FRAMES, LINES, detect
from sidecar.service import Service
from sidecar.session import ByteStream, Dialect, Peer, PeerGone, Session, SessionLimits

logger = logging.getLogger(__name__)

_WHITE_SPACE = b" \t\r\n"


class Connections:
    """Serves connections and counts them."""

    def __init__(self, service: Service, limits: SessionLimits) -> None:
        self._service = service
        self.limits = limits
        """For each connection that says something from now on."""
        self._sessions: set[Session] = set()
        service.metrics.watch("sidecar_connections", "Connections that are open.", lambda: len(self._sessions))

    @property
    def is_idle(self) -> bool:
        """Whether every request that came is answered."""
        return all(session.is_idle for session in self._sessions)

    @property
    def heard(self) -> int:
        """How many are open that have asked for something."""
        return sum(session.has_asked for session in self._sessions)

    async def serve(self, stream: ByteStream, peer: Peer) -> None:
        """Serve one connection to its end and close it. What the peer does, and what fails inside, raises nothing."""
        try:
            await self._serve(stream, peer)
        except PeerGone:
            logger.debug("connection broken peer=%s", peer.name)
        except Exception:  # the last fence: a bug ends its own connection only
            logger.exception("connection failed peer=%s", peer.name)
        finally:
            stream.close()

    async def _serve(self, stream: ByteStream, peer: Peer) -> None:
        first, has_blanks = await _first_bytes(stream, peer)
        if not first:
            return
        spoken = detect(first[0])
        if peer.is_web_server and spoken != "http":
            logger.info("connection closed peer=%s: the web server's socket speaks HTTP only", peer.name)
        elif spoken == "frames":
            await self._run_session(stream, peer, FRAMES, first)
        elif spoken == "lines" or peer.is_private:
            await self._run_session(stream, peer, LINES, first)
        elif spoken == "http":
            # Here, not above: it takes longer to load than all that stdio does.
            from sidecar.dialects.http.dialect import Http

            # In HTTP a line end may stand before a request, and no other white space: the guard has its say on that.
            await self._run_session(stream, peer, Http(peer), b" " + first if has_blanks else first)
        else:
            logger.info("connection closed peer=%s: it speaks none of our dialects", peer.name)

    async def _run_session(self, stream: ByteStream, peer: Peer, dialect: Dialect, first: bytes) -> None:
        session = Session(stream, dialect, service=self._service, peer=peer, limits=self.limits)
        self._sessions.add(session)
        try:
            await session.run(first)
        finally:
            self._sessions.discard(session)


async def _first_bytes(stream: ByteStream, peer: Peer) -> tuple[bytes, bool]:
    """Return what came first, on a socket without white space before it; b"" where nothing came in time.

    With it comes whether blanks were left out, not only line ends.
    """
    skipped = b"" if peer.is_private else _WHITE_SPACE
    has_blanks = False
    with anyio.move_on_after(peer.first_byte_seconds):
        while chunk := await stream.receive():
            first = chunk.lstrip(skipped)
            blanks = chunk[: len(chunk) - len(first)]
            has_blanks = has_blanks or b" " in blanks or b"\t" in blanks
            if first:
                return first, has_blanks
    return b"", has_blanks
