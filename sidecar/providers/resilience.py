"""Tries again where that may help: before the first token, twice at most, within the clocks of the request."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from random import random

import anyio
from msgspec import Struct

from sidecar.errors import SidecarError
from sidecar.providers.clocks import Clocks
from sidecar.providers.interface import Piece
from sidecar.providers.retry_budget import RetryBudget


class Backoff(Struct, frozen=True, kw_only=True):
    """How often a request is tried again, and after what pause."""

    max_retries: int = 2
    first_seconds: float = 0.5
    max_seconds: float = 4.0
    max_wanted_seconds: float = 10.0
    """A provider that wants more time than this is left alone: the person is told when to come back."""

    def pause(self, failures: int) -> float:
        """Return the pause after so many (1, 2, ...) failures, in seconds.

        It doubles each time, and up to half of it comes on top by chance: else all who failed together would come back
        together.
        """
        seconds = min(self.first_seconds * 2.0 ** (failures - 1), self.max_seconds)
        return seconds * (1 + random() / 2)  # noqa: S311


class TryAgain(Exception):
    """A try failed as another may not; `error` is what the client is told if there is none."""

    def __init__(self, error: SidecarError) -> None:
        super().__init__(str(error))
        self.error = error


async def retry(
    attempt: Callable[[], AsyncGenerator[Piece, None]], clocks: Clocks, *, backoff: Backoff, budget: RetryBudget
) -> AsyncGenerator[Piece, None]:
    """Give the pieces of the first try that works. A try says by TryAgain that another may work.

    `budget` is that of all requests to the provider.

    Raises:
        SidecarError: none did, or a try failed for good.
    """
    budget.earn()
    failures = 0
    while True:
        try:
            async with aclosing(attempt()) as pieces:
                async for piece in pieces:
                    yield piece
            return
        except TryAgain as exc:
            error = exc.error
        failures += 1
        wanted = error.retry_after or 0.0
        pause = max(backoff.pause(failures), wanted)
        is_worth_it = failures <= backoff.max_retries and wanted <= backoff.max_wanted_seconds and clocks.leaves(pause)
        if clocks.has_content or not is_worth_it or not budget.spend():
            try:
                raise error
            finally:
                del error  # whose traceback holds us: neither would be freed before long
        await anyio.sleep(pause)
