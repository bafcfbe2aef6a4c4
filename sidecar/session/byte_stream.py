"""What a session needs of a connection: bytes in, bytes out. The transports implement it."""

from typing import Protocol


class PeerGone(Exception):
    """The connection is broken: nothing can be sent or received any more."""


class PeerCut(PeerGone):
    """The connection is given up, because of what its peer does or does not; `str()` says what."""


class ByteStream(Protocol):
    """A connection. One task receives, one task sends; `send_now` may be called by any, between the sender's waits."""

    async def receive(self) -> bytes:
        """Return what has arrived, at most 64 KiB; b"" at the end of input.

        Raises:
            PeerGone: the connection is broken.
        """

    def send_now(self, chunk: bytes | memoryview) -> int:
        """Send what can be sent without waiting and return how many bytes that were, 0 among them.

        Raises:
            PeerGone: the connection is broken.
        """

    async def send_some(self, chunk: bytes | memoryview) -> int:
        """Wait until at least one byte can be sent, send what can be sent, and return how many bytes that were.

        Raises:
            PeerGone: the connection is broken.
        """

    def is_gone(self) -> bool:
        """Whether the peer is known to have left in both directions, without receiving or sending."""

    def close_sending(self) -> None:
        """Tell the peer that nothing more will be sent; receiving goes on."""

    def close(self) -> None:
        """Give the connection up; whoever waits on it gets PeerGone."""
