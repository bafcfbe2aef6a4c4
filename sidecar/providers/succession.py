"""The provider that is asked at present, and those before it, which stay open until their last answer has ended."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import TaskGroup, TaskStatus
from msgspec.structs import replace

from sidecar.errors import NotConfigured
from sidecar.providers.interface import Piece, Prompt, Provider
from sidecar.providers.opening import opened


class Succession:
    """A provider that may be replaced while it answers: what runs goes on, the next question goes to the new one.

    An async context manager: at its end all are closed. Before the first `change` there is none.
    """

    def __init__(self) -> None:
        self._current: _Reign | None = None
        self._tasks: TaskGroup

    async def __aenter__(self) -> Self:
        self._tasks = await anyio.create_task_group().__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._tasks.cancel_scope.cancel()
        return await self._tasks.__aexit__(kind, exc, trace)

    async def change(self, provider: Provider | None, on_end: Callable[[], None] = lambda: None) -> None:
        """Open a provider and ask it, or none, from now on. `on_end` is called when the one before it is closed."""
        previous = self._current
        self._current = None if provider is None else await self._tasks.start(self._hold, provider)
        if previous is None:
            on_end()
        else:
            previous.end(on_end)

    async def _hold(self, provider: Provider, *, task_status: TaskStatus["_Reign"]) -> None:
        reign = _Reign(provider)
        del provider  # else a provider that is closed would live, with its keys, as long as its successors
        async with opened(reign.provider):
            task_status.started(reign)
            await reign.ended.wait()
        reign.on_end()

    @property
    def name(self) -> str:
        return self._provider.name

    @property
    def models(self) -> tuple[str, ...]:
        return self._provider.models

    @property
    def is_ready(self) -> bool:
        return self._current is not None and self._current.provider.is_ready

    @property
    def _provider(self) -> Provider:
        if self._current is None:
            raise NotConfigured("No model provider is configured any more.")
        return self._current.provider

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Piece]]:
        models = self._provider.models
        reign = self._current
        assert reign is not None  # noqa: S101 - or there were no provider
        if prompt.model not in models and "*" not in models:  # it was drawn up before a change, for what is gone
            prompt = replace(prompt, model=models[0])
        reign.questions += 1
        try:
            async with reign.provider.stream(prompt) as pieces:
                yield pieces
        finally:
            reign.questions -= 1
            reign.look()


class _Reign:
    """One provider for as long as it is asked, and until it has answered."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.questions = 0
        self.ended = anyio.Event()
        self.on_end: Callable[[], None] = lambda: None
        self._is_over = False

    def end(self, on_end: Callable[[], None]) -> None:
        self.on_end = on_end
        self._is_over = True
        self.look()

    def look(self) -> None:
        if self._is_over and not self.questions:
            self.ended.set()
