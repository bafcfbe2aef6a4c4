"""A provider behind a queue: when all places are taken, questions wait in a fair order, and say at which place."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import anyio

from sidecar.errors import Overloaded
from sidecar.providers.fair_queue import Asker, FairQueue, Turn
from sidecar.providers.interface import QUEUED, Piece, Prompt, Provider, Stage

# How often who waits is told of a new place, at most: each is an event to a browser.
_LOOK_SECONDS = 1.0

_RETRY_AFTER_SECONDS = 5.0


class Turns:
    """The places of the process, and the queue for them."""

    def __init__(self, places: int, *, max_seconds: float) -> None:
        """`max_seconds`: how long a question waits at most."""
        self.queue = FairQueue(places)
        self._places = places
        self._max_seconds = max_seconds
        self.bounds = (places, max_seconds)
        self._positions: dict[Turn, int] = {}
        self._positions_at = float("-inf")

    async def wait(self, turn: Turn, granted: anyio.Event) -> AsyncGenerator[Stage, None]:
        """Wait for a place; meanwhile give, at most once a second, how many go before.

        Raises:
            Overloaded: that takes too long.
        """
        deadline = anyio.current_time() + self._max_seconds
        told = None
        while not granted.is_set():
            stage = self._stage(turn)
            if stage != told:
                told = stage
                yield stage
            with anyio.move_on_at(min(deadline, anyio.current_time() + _LOOK_SECONDS)):
                await granted.wait()
            if anyio.current_time() >= deadline and not turn.is_granted:
                raise Overloaded(
                    f"All {self._places} places with the provider were taken for {self._max_seconds:g} s "
                    "(SIDECAR_MAX_UPSTREAM, SIDECAR_QUEUE_SECONDS).",
                    retry_after=_RETRY_AFTER_SECONDS,
                )
        behind = self.queue.granted - turn.joined
        yield Stage(QUEUED, behind, behind)

    def _stage(self, turn: Turn) -> Stage:
        now = anyio.current_time()
        # One look at the queue serves all who wait: a thousand of them would else take a million steps a second.
        if now - self._positions_at >= _LOOK_SECONDS / 2 or not self._positions:
            self._positions = {turn: place for place, turn in enumerate(self.queue.order(), 1)}
            self._positions_at = now
        behind = self.queue.granted - turn.joined
        return Stage(QUEUED, behind, behind + self._positions.get(turn, len(self.queue)))


class QueuedProvider:
    """The provider as one asker sees it: each question takes a place, from entry to exit of `stream`."""

    def __init__(self, provider: Provider, turns: Turns, asker: Asker) -> None:
        self._provider = provider
        self._turns = turns
        self._asker = asker

    @property
    def name(self) -> str:
        return self._provider.name

    @property
    def models(self) -> tuple[str, ...]:
        return self._provider.models

    @property
    def is_ready(self) -> bool:
        return self._provider.is_ready

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Piece]]:
        granted = anyio.Event()
        turn = self._turns.queue.join(self._asker, granted.set)
        try:
            if turn.is_granted:  # the usual case costs nothing for each piece
                async with self._provider.stream(prompt) as pieces:
                    yield pieces
            else:
                async with aclosing(self._ask_later(prompt, turn, granted)) as pieces:
                    yield pieces
        finally:
            self._turns.queue.leave(turn)

    async def _ask_later(self, prompt: Prompt, turn: Turn, granted: anyio.Event) -> AsyncGenerator[Piece, None]:
        async with aclosing(self._turns.wait(turn, granted)) as stages:
            async for stage in stages:
                yield stage
        async with self._provider.stream(prompt) as pieces:
            async for piece in pieces:
                yield piece
