"""Summaries that are needed again: of a page that many ask about, of the beginning of a conversation that goes on."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from msgspec import Struct, field

# A summary has some 2 kB: a thousand of them are as many pages and conversations, which are read again within minutes.
_MAX_SUMMARIES = 1000
_MAX_BYTES = 4 * 1024 * 1024
_KEPT_SECONDS = 1800.0


class Place(Struct, eq=False):
    """Where one summary is, or will be. Whoever makes it holds the place; the others wait for him."""

    text: str | None = None
    has_failed: bool = False
    """Whether it could not be made while we waited: then it is not tried again by each who waits."""
    deadline: float = 0.0
    waiting: int = 0
    lock: anyio.Lock = field(default_factory=anyio.Lock)

    def __repr__(self) -> str:  # which must not show the text
        return f"Place(waiting={self.waiting})"


class Summaries:
    """Keeps summaries by a key for all that shapes them; the least used goes first."""

    def __init__(self) -> None:
        self._places: OrderedDict[str, Place] = OrderedDict()
        self._bytes = 0

    def find(self, key: str) -> str | None:
        """Return the summary of that key, if it is there."""
        place = self._places.get(key)
        if place is None or place.text is None or place.deadline <= anyio.current_time():
            return None
        self._places.move_to_end(key)
        return place.text

    @asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[Place]:
        """Give the place of that key as soon as nobody else holds it; its text is None where it has to be made."""
        place = self._places.get(key)
        if place is None or (place.text is not None and self.find(key) is None):
            self._drop(key)
            place = self._places[key] = Place()
        place.waiting += 1
        try:
            async with place.lock:
                yield place
        finally:
            place.waiting -= 1
            if place.text is None and not place.waiting and self._places.get(key) is place:
                del self._places[key]

    def keep(self, key: str, place: Place, text: str) -> None:
        """Put a summary in its place, for those who wait and for those who come later."""
        place.text = text
        place.deadline = anyio.current_time() + _KEPT_SECONDS
        if self._places.get(key) is place:  # pragma: no branch - else it has made room for others while it was made
            self._bytes += len(text.encode())
            self._places.move_to_end(key)
        for other, kept in list(self._places.items()):
            if self._bytes <= _MAX_BYTES and len(self._places) <= _MAX_SUMMARIES:
                break
            if kept.text is not None:
                self._drop(other)

    def _drop(self, key: str) -> None:
        place = self._places.pop(key, None)
        if place is not None and place.text is not None:
            self._bytes -= len(place.text.encode())
