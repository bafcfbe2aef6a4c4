"""One connection, which carries one request and its answer after the other."""

import math
from collections.abc import Callable
from contextlib import suppress

import anyio

from sidecar.errors import SidecarError
from sidecar.http_pool.failures import Cut
from sidecar.http_pool.parsing import Head, ResponseParser
from sidecar.http_pool.sockets import Stream, Take


class Connection:
    """A connection over `stream`, which it owns. `ask`, then `read` until there is nothing more."""

    def __init__(self, stream: Stream, *, is_spare: bool = False) -> None:
        self._stream = stream
        self.is_spare = is_spare
        """Whether it was opened ahead of requests."""
        self._answer = ResponseParser()
        self._early = b""
        """What of the body came with the head."""
        self.opened_at = self.idle_since = anyio.current_time()
        self.is_untouched = True
        """Whether no byte of the answer has come."""

    @property
    def is_reusable(self) -> bool:
        """Whether another request may follow: the answer is whole, nothing is left of it, and the peer wants more."""
        return self._answer.is_reusable and not self._early and self._stream.is_flushed

    @property
    def is_quiet(self) -> bool:
        """Whether nothing has come since the last answer, neither bytes, which would be nobody's, nor the end.

        Half of a record counts, too: the rest may come when the next request is on its way, and would be its answer.
        """
        try:
            return self._stream.receive_now() is None and self._stream.is_between
        except (Cut, SidecarError):
            return False

    async def ask(self, request: bytes) -> Head:
        """Send a request and return the head of its answer. The answer may come before the request is sent.

        Raises:
            Cut: the connection broke.
            UpstreamProtocol: the answer is none.
        """
        self._answer, self._early, self.is_untouched = ResponseParser(), b"", True
        self._stream.write(request)
        if self._stream.is_flushed:
            return await self._receive_head()
        outcome: Head | Cut | SidecarError = Cut()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._flush)
            try:
                outcome = await self._receive_head()
            except (Cut, SidecarError) as exc:  # which would leave the block as a group
                outcome = exc
            tasks.cancel_scope.cancel()
        if isinstance(outcome, Head):
            return outcome
        raise outcome

    async def _flush(self) -> None:
        with suppress(Cut):  # the answer, which may be on its way, says more
            await self._stream.flush()

    async def _receive_head(self) -> Head:
        while (head := self._answer.head) is None:
            self._early = await self._receive()
        return head

    async def read(self, deadline: float = math.inf) -> bytes:
        """Wait for more of the body and return all that has come of it, or nothing at its end.

        Raises:
            Cut: the connection broke.
            UpstreamProtocol: what came is no body.
            TimeoutError: nothing came until `deadline`.
        """
        body, self._early = self._early, b""
        while not (body or self._answer.is_complete):
            body = await self._receive(deadline)
        return body

    async def read_each(self, take: Take, deadline: Callable[[], float]) -> None:
        """Give `take` the body, as it comes, until it has enough; b"" stands for its end. See `Stream.receive_each`.

        Raises: as `read`.
        """

        def feed(came: bytes) -> bool:
            body = self._feed(came)
            if body and take(body):
                return True
            if self._answer.is_complete:
                take(b"")
            return self._answer.is_complete

        body, self._early = self._early, b""
        if body and take(body):
            return
        if self._answer.is_complete:
            take(b"")
        else:
            await self._stream.receive_each(feed, deadline)

    async def _receive(self, deadline: float = math.inf) -> bytes:
        return self._feed(await self._stream.receive(deadline))

    def _feed(self, came: bytes) -> bytes:
        if not came:
            self._answer.finish()
            return b""
        self.is_untouched = False
        return self._answer.feed(came)

    def close(self) -> None:
        """Close at once, whatever is on the way."""
        self._stream.close()
