"""Reads a body ahead of whoever takes it, so that all that one read of the socket brought is taken at once.

httpx gives the chunks of the transfer coding one by one and does not say whether the next has come already.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import anyio

# What has come and was not taken yet; above it the provider has to wait.
MAX_UNREAD_BYTES = 1024 * 1024

_CLOSE_SECONDS = 1.0


class ReadAhead:
    """A body, given by `read`. `fill` runs in a task of its own; `close` is called when that ends."""

    def __init__(self, chunks: AsyncGenerator[bytes, None], close: Callable[[], Awaitable[None]]) -> None:
        self._chunks = chunks
        self._close = close
        self._unread = bytearray()
        self._news = anyio.Event()
        self._room = anyio.Event()
        self._closed = anyio.Event()
        self._scope = anyio.CancelScope()
        self._failure: Exception | None = None

    async def fill(self) -> None:
        """Read to the end, or until `aclose`."""
        try:
            with self._scope:
                async with aclosing(self._chunks):
                    async for chunk in self._chunks:
                        await self._put(chunk)
        except Exception as exc:  # noqa: BLE001 (a fence: raised again in `read`, for who can tell it from a bug)
            self._failure = exc
        finally:
            with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
                await self._close()
            self._closed.set()
            self._news.set()

    async def read(self) -> bytes:
        """Wait for more and return all that has come, or nothing at the end. Raises what ended the reading."""
        await self._news.wait()
        if self._unread:
            came = bytes(self._unread)
            self._unread.clear()
            if not self._closed.is_set():
                self._news = anyio.Event()
            self._room.set()
            return came
        if self._failure is not None:
            raise self._failure
        return b""

    async def aclose(self) -> None:
        """Stop reading, and wait until all is closed. Does nothing after the end."""
        self._scope.cancel()
        with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
            await self._closed.wait()

    async def _put(self, chunk: bytes) -> None:
        self._unread += chunk
        self._news.set()
        if len(self._unread) > MAX_UNREAD_BYTES:
            self._room = anyio.Event()
            await self._room.wait()
