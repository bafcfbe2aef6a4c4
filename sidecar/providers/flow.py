"""The text of one provider's answer, from its bytes: asked for piece by piece, or past the layers in between."""

from collections.abc import Callable

import anyio

from protocol.messages import Usage
from sidecar.errors import SidecarError, Truncated
from sidecar.providers.answer import AnswerReader
from sidecar.providers.clocks import Clocks, Phase
from sidecar.providers.http_client import Answer
from sidecar.providers.interface import Flow
from sidecar.providers.resilience import TryAgain

# Behind the model's own end stand the counts and the last word, at once or never.
_LAST_WORD_SECONDS = 2.0


class AnswerFlow(Flow):
    """Reads an answer; `reader` says afterwards what was in it, and what was wrong with it."""

    def __init__(self, answer: Answer, reader: AnswerReader, clocks: Clocks) -> None:
        self._answer = answer
        self._reader = reader
        self._clocks = clocks
        self._has_all = False
        self._progress = 0
        self._failure: SidecarError | None = None
        """What went wrong while it ran, for who asks next."""

    @property
    def usage(self) -> Usage | None:
        return self._reader.counted

    @property
    def is_over(self) -> bool:
        """Whether the last word has come, or all bytes have."""
        return self._has_all or self._reader.is_done

    async def next(self) -> str:
        """Wait for more of the answer and return the text in it, "" where there was none.

        What goes wrong once the model has ended its answer loses nothing of it.

        Raises:
            TryAgain: the connection broke before the model has begun: the next try may go well.
            SidecarError: the answer broke off, or is none.
        """
        try:
            came = await self._receive()
        except SidecarError as exc:
            if isinstance(exc, Truncated) and not self._clocks.has_content:
                raise TryAgain(exc) from exc
            if not self._reader.has_finished:
                raise
            came = b""
        return self._feed(came)

    async def run(self, take: Callable[[str], bool]) -> None:
        def feed(came: bytes) -> bool:
            text = self._feed(came)
            if text:
                self.text_bytes += len(text) if text.isascii() else len(text.encode())
                if not take(text):
                    return True
            return self._reader.has_more_than_text

        if self._reader.has_more_than_text:
            return
        try:
            await self._answer.read_each(feed, self._clocks)
        except SidecarError as exc:
            self._failure = exc

    async def _receive(self) -> bytes:
        failure, self._failure = self._failure, None
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # whose traceback holds us: neither would be freed before long
        if not self._reader.awaits_last_word:
            return await self._answer.read(self._clocks)
        with anyio.move_on_after(_LAST_WORD_SECONDS):
            return await self._answer.read(self._clocks)
        return b""

    def _feed(self, came: bytes) -> str:
        """Return the text in what came; b"" is the end of all."""
        if came:
            text = self._reader.feed(came)
        else:
            self._has_all = True
            text = self._reader.finish()
        if (progress := self._reader.progress) > self._progress:
            self._progress = progress
            self._clocks.enter(Phase.NEXT_TOKEN)
        return text
