"""Asks one provider for one answer: with its dialect, again where that may help, within the clocks of the request."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import anyio
import msgspec

from sidecar.errors import SidecarError, Truncated
from sidecar.providers.answer import AnswerReader
from sidecar.providers.clocks import Clocks, Phase
from sidecar.providers.dialect import Dialect
from sidecar.providers.endpoint import Endpoint
from sidecar.providers.failures import Mask, explain_status, read_complaint
from sidecar.providers.http_client import Answer, HttpClient
from sidecar.providers.interface import Piece, Prompt, Text
from sidecar.providers.learning import Refusals
from sidecar.providers.resilience import Backoff, TryAgain, retry
from sidecar.secret import Secret

# Behind the last word stands only what ends the body: a provider that lingers loses its connection.
_DRAIN_SECONDS = 1.0

_MAX_COMPLAINT_BYTES = 64 * 1024
_COMPLAINT_SECONDS = 2.0

# How often a request is written otherwise; a server that likes no form of it is not asked for ever.
_MAX_FORMS = 4


class Route:
    """One endpoint, in one dialect. `client` is opened and closed by its owner, `mask` hides secrets."""

    def __init__(
        self,
        dialect: Dialect,
        endpoint: Endpoint,
        *,
        client: HttpClient,
        key: Secret | None,
        mask: Mask,
        backoff: Backoff,
    ) -> None:
        self._dialect = dialect
        self._endpoint = endpoint
        self._client = client
        self._key = key
        self._mask = mask
        self._backoff = backoff
        self._refusals = Refusals()

    def ask(self, prompt: Prompt, clocks: Clocks) -> AsyncGenerator[Piece, None]:
        """Give the pieces of the answer.

        Raises:
            SidecarError: there is none, or no whole one.
        """
        return retry(lambda: self._try(prompt, clocks), clocks, backoff=self._backoff)

    async def _try(self, prompt: Prompt, clocks: Clocks) -> AsyncGenerator[Piece, None]:
        """Ask once, or again where the provider only dislikes how it was asked."""
        for form in range(_MAX_FORMS):
            body = self._dialect.write(prompt, self._refusals.of(prompt.model))
            content = msgspec.json.encode(body)
            async with self._client.post(self._endpoint, self._key, content, clocks) as answer:
                if answer.status == 200:
                    async with aclosing(self._read(answer, clocks)) as pieces:
                        async for piece in pieces:
                            yield piece
                    return
                complaint = await _read_complaint(answer)
                error = explain_status(answer.status, answer.headers, complaint, self._mask)
            sent = tuple(name for name in self._dialect.optional if name in body)
            has_learned = answer.status in (400, 422) and self._refusals.learn(
                prompt.model, read_complaint(complaint), sent
            )
            if not has_learned or form == _MAX_FORMS - 1:
                raise error

    async def _read(self, answer: Answer, clocks: Clocks) -> AsyncGenerator[Piece, None]:
        reader = AnswerReader(self._dialect.read(self._mask))
        while not reader.is_done:
            came = await self._receive(answer, reader, clocks)
            before = reader.progress
            text = reader.feed(came) if came else reader.finish()
            if reader.progress > before:
                clocks.enter(Phase.NEXT_TOKEN)
            if text:
                yield Text(text)
            if reader.failure is not None:
                raise reader.failure
            if not came:
                break
        try:
            yield reader.end()
        finally:
            if reader.is_done:
                await _drain(answer)

    async def _receive(self, answer: Answer, reader: AnswerReader, clocks: Clocks) -> bytes:
        """Wait for more of an answer; nothing is its end.

        What goes wrong once the model has ended its answer loses nothing of it, and where the connection broke before
        the model has begun, the next try may go well.
        """
        try:
            with clocks.running():
                return await answer.read()
        except SidecarError as exc:
            if reader.has_finished:
                return b""
            if isinstance(exc, Truncated) and not clocks.has_content:
                raise TryAgain(exc) from exc
            raise


async def _read_complaint(answer: Answer) -> bytes:
    """Return the body of an answer that is an error; nothing where nobody may see it, and no more than came in time."""
    body = bytearray()
    if answer.status >= 400 and answer.status not in (401, 402, 403):
        with suppress(SidecarError), anyio.move_on_after(_COMPLAINT_SECONDS):
            while len(body) < _MAX_COMPLAINT_BYTES and (came := await answer.read()):
                body += came
    return bytes(body[:_MAX_COMPLAINT_BYTES])


async def _drain(answer: Answer) -> None:
    """Read what ends the body behind the last word, so that its connection can be used again."""
    with suppress(SidecarError), anyio.move_on_after(_DRAIN_SECONDS):
        while await answer.read():
            pass
