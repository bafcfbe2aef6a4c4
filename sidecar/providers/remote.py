"""A language model that is reached over HTTP, in whichever dialect it speaks."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from types import TracebackType
from typing import Self

from sidecar.observability.redaction import Redaction
from sidecar.providers.clocks import Clocks
from sidecar.providers.dialect import Dialect
from sidecar.providers.http_client import HttpClient
from sidecar.providers.interface import Piece, Prompt
from sidecar.providers.resilience import Backoff
from sidecar.providers.route import Route
from sidecar.providers.tls import make_tls_context
from sidecar.settings import Settings, SettingsError


class RemoteProvider:
    """One endpoint. An async context manager, which holds its connections.

    Raises:
        SettingsError: the settings name no model, no key where one is needed, or what cannot be used.
    """

    is_ready = True

    def __init__(self, settings: Settings, dialect: Dialect, *, backoff: Backoff = Backoff()) -> None:  # noqa: B008 (frozen)
        endpoint = dialect.locate(settings.base_url, allow_http=settings.allow_http)
        if settings.model is None:
            raise SettingsError("OPENAI_MODEL must name the model that answers.")
        if settings.api_key is None and not endpoint.is_loopback:
            raise SettingsError("OPENAI_API_KEY or OPENAI_API_KEY_FILE must give the provider's key.")
        self.name = dialect.name
        self.models = tuple(dict.fromkeys((settings.model, *settings.models)))
        self._timeouts = settings.timeouts
        secrets = [secret for secret in (settings.api_key, settings.proxy) if secret is not None]
        self._client = HttpClient(
            tls=make_tls_context(settings.ca),
            proxy=settings.proxy,
            max_connections=settings.limits.max_upstream,
            spares=settings.limits.spare_connections,
        )
        self._route = Route(
            dialect,
            endpoint,
            client=self._client,
            key=settings.api_key,
            mask=Redaction(secrets).mask,
            backoff=backoff,
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
        async with aclosing(self._ask(prompt)) as pieces:
            yield pieces

    def _ask(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        return self._route.ask(prompt, Clocks(self._timeouts))
