"""The work for one reply: all that an action asks of the provider, as one stream of pieces.

A plan is a generator of pieces over a `Model`, which it may ask as often as it needs. Work is a provider around the
provider: whoever writes replies sees one stream, and who leaves it closes every call at once.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

import anyio

from protocol.messages import Usage
from sidecar.actions._model import Model
from sidecar.actions._summaries import Summaries
from sidecar.errors import SidecarError
from sidecar.providers.interface import Piece, Prompt, Provider

Plan = Callable[[Model, Prompt], AsyncGenerator[Piece, None]]


class Work:
    """Follows a plan; for one stream."""

    def __init__(self, provider: Provider, plan: Plan, *, summaries: Summaries) -> None:
        self.name = provider.name
        self.models = provider.models
        self.is_ready = provider.is_ready
        self._provider = provider
        self._plan = plan
        self._summaries = summaries
        self._model: Model | None = None

    def spent(self) -> Usage:
        """Return what all its calls have cost so far."""
        return Usage(prompt_tokens=0, completion_tokens=0) if self._model is None else self._model.usage()

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Piece]]:
        failure: SidecarError | None = None
        async with anyio.create_task_group() as tasks:
            self._model = Model(self._provider, tasks, self._summaries)
            try:
                async with aclosing(self._plan(self._model, prompt)) as pieces:
                    yield pieces
            except SidecarError as exc:  # out of the group as it is, not as a group of one
                failure = exc
            finally:
                if self._model.has_tasks:  # a cancel costs as much as a task
                    tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure


async def say(model: Model, prompt: Prompt) -> AsyncGenerator[Piece, None]:
    """The plan that needs one call."""
    async with aclosing(model.stream(prompt)) as pieces:
        async for piece in pieces:
            yield piece
