"""Bytes of one connection on their way to becoming requests: how many it holds, since when one is unfinished."""

from collections.abc import Iterator
from typing import Generic, TypeVar

import anyio

from sidecar.errors import Overloaded
from sidecar.session.dialect import Decoder
from sidecar.session.peer import ByteBudget

T = TypeVar("T")


class Intake(Generic[T]):
    """Takes payloads out of what arrives and counts every byte from its arrival until `let_go`."""

    def __init__(self, decoder: Decoder[T], budget: ByteBudget) -> None:
        self._decoder = decoder
        self._budget = budget
        self._held_bytes = 0
        self.message_began: float | None = None
        """When the first bytes of the present unfinished message came; None between messages."""

    @property
    def buffered_bytes(self) -> int:
        """How many have come of which no payload was made yet."""
        return self._decoder.buffered_bytes

    def feed(self, chunk: bytes) -> None:
        """Take in what arrived; b"" is the end of input.

        Raises:
            Overloaded: all connections together hold too much.
        """
        if not chunk:
            self._decoder.end()
        if not self._budget.take(len(chunk)):
            raise Overloaded(
                f"Unanswered requests of all connections hold {self._budget.limit_bytes} bytes, which is the most.",
                retry_after=1.0,
            )
        self._held_bytes += len(chunk)
        self._decoder.feed(chunk)

    def payloads(self) -> Iterator[tuple[T, int]]:
        """Give each whole payload with the number of bytes to let go of once it is answered.

        Raises:
            ProtocolError: what arrived cannot be divided into payloads.
            NoMore: the last one was given before.
        """
        decoder, began = self._decoder, self.message_began
        while True:
            before = decoder.buffered_bytes  # anew each time: more may have been fed meanwhile
            payload = decoder.next_payload()
            taken = before - decoder.buffered_bytes
            if payload is None:
                break
            began = None
            yield payload, taken
        self.let_go(taken)  # blank lines
        if not decoder.buffered_bytes:
            self.message_began = None
        else:
            self.message_began = began if began is not None else anyio.current_time()

    def let_go(self, answered_bytes: int) -> None:
        self._held_bytes -= answered_bytes
        self._budget.give(answered_bytes)

    def move_to(self, budget: ByteBudget) -> None:
        """Count on another budget from now on: the peer has shown who it is."""
        self._budget.give(self._held_bytes)
        self._budget = budget
        # Without asking: one payload at most, which would have been let in there as well.
        budget.used_bytes += self._held_bytes

    def close(self) -> None:
        """Let go of everything."""
        self.let_go(self._held_bytes)
