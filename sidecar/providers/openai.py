"""Any provider that speaks OpenAI's chat completions, streamed: OpenAI itself, vLLM, llama.cpp, Ollama and so on."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from types import TracebackType
from typing import Self

import anyio

from sidecar.errors import SidecarError, Truncated
from sidecar.observability.redaction import Redaction
from sidecar.providers.clocks import Clocks, Phase
from sidecar.providers.endpoint import make_endpoint
from sidecar.providers.http_client import Answer, HttpClient
from sidecar.providers.interface import Piece, Prompt, Text
from sidecar.providers.openai_answer import OpenAIAnswer
from sidecar.providers.openai_failures import explain_status, read_complaint
from sidecar.providers.openai_request import Shapes
from sidecar.providers.resilience import Backoff, TryAgain, retry
from sidecar.providers.tls import make_tls_context
from sidecar.settings import Settings, SettingsError

# Behind the last word stands only what ends the body: a provider that lingers loses its connection.
_DRAIN_SECONDS = 1.0

_MAX_COMPLAINT_BYTES = 64 * 1024
_COMPLAINT_SECONDS = 2.0


class OpenAIProvider:
    """One endpoint. An async context manager, which holds its connections.

    Raises:
        SettingsError: the settings name no model, no key where one is needed, or what cannot be used.
    """

    name = "openai"
    is_ready = True

    def __init__(self, settings: Settings, *, backoff: Backoff = Backoff()) -> None:  # noqa: B008 (frozen)
        endpoint = make_endpoint(settings.base_url, allow_http=settings.allow_http)
        if settings.model is None:
            raise SettingsError("OPENAI_MODEL must name the model that answers.")
        if settings.api_key is None and not endpoint.is_loopback:
            raise SettingsError("OPENAI_API_KEY or OPENAI_API_KEY_FILE must give the provider's key.")
        self.models = tuple(dict.fromkeys((settings.model, *settings.models)))
        self._endpoint = endpoint
        self._key = settings.api_key
        self._timeouts = settings.timeouts
        self._backoff = backoff
        self._shapes = Shapes()
        secrets = [secret for secret in (settings.api_key, settings.proxy) if secret is not None]
        self._mask = Redaction(secrets).mask
        self._client = HttpClient(
            tls=make_tls_context(settings.ca),
            proxy=settings.proxy,
            max_connections=settings.limits.max_upstream,
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._client.__aexit__(kind, exc, trace)

    @property
    def connections_in_use(self) -> int:
        """How many requests are with the provider."""
        return self._client.connections_in_use

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Piece]]:
        clocks = Clocks(self._timeouts)
        tries = retry(lambda: self._try(prompt, clocks), clocks, backoff=self._backoff)
        async with aclosing(tries) as pieces:
            yield pieces

    async def _try(self, prompt: Prompt, clocks: Clocks) -> AsyncGenerator[Piece, None]:
        """Ask once, or once more where the provider only dislikes how it was asked."""
        body = self._shapes.write(prompt)
        while True:
            async with self._client.post(self._endpoint, self._key, body, clocks) as answer:
                if answer.status == 200:
                    async with aclosing(self._read(answer, clocks)) as pieces:
                        async for piece in pieces:
                            yield piece
                    return
                complaint = await _read_complaint(answer)
                error = explain_status(answer.status, answer.headers, complaint, self._mask)
            if answer.status not in (400, 422):
                raise error
            self._shapes.learn(prompt.model, read_complaint(complaint))
            refused, body = body, self._shapes.write(prompt)
            if body == refused:
                raise error

    async def _read(self, answer: Answer, clocks: Clocks) -> AsyncGenerator[Piece, None]:
        reading = OpenAIAnswer(self._mask)
        while not reading.is_done:
            came = await self._receive(answer, reading, clocks)
            before = reading.progress
            text = reading.feed(came) if came else reading.finish()
            if reading.progress > before:
                clocks.enter(Phase.NEXT_TOKEN)
            if text:
                yield Text(text)
            if reading.failure is not None:
                raise reading.failure
            if not came:
                break
        try:
            yield reading.end()
        finally:
            if reading.is_done:
                await _drain(answer)

    async def _receive(self, answer: Answer, reading: OpenAIAnswer, clocks: Clocks) -> bytes:
        """Wait for more of an answer; nothing is its end.

        What goes wrong once the model has ended its answer loses nothing of it, and where the connection broke before
        the model has begun, the next try may go well.
        """
        try:
            with clocks.running():
                return await answer.read()
        except SidecarError as exc:
            if reading.has_finished:
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
