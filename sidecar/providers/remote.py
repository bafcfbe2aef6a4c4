"""A language model that is reached over HTTP, in whichever dialect it speaks; and those that stand in for it."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from types import TracebackType
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from sidecar.errors import (
    SidecarError,
    TimeoutConnect,
    TimeoutFirstToken,
    TimeoutIdle,
    Truncated,
    UpstreamAuth,
    UpstreamConnect,
    UpstreamDns,
    UpstreamError,
    UpstreamNotFound,
    UpstreamProtocol,
    UpstreamRateLimited,
    UpstreamTls,
)
from sidecar.observability import Redaction, Seldom
from sidecar.providers.clocks import Clocks
from sidecar.providers.dialect import Dialect
from sidecar.providers.failures import Mask
from sidecar.providers.http_client import HttpClient, make_dialer
from sidecar.providers.interface import Piece, Prompt, Text
from sidecar.providers.resilience import Backoff
from sidecar.providers.route import Route
from sidecar.settings import Settings, SettingsError

logger = logging.getLogger(__name__)

# What another provider may do better; not what the request is to blame for, least of all what a filter refused.
_MAY_GO_WELL_ELSEWHERE = (
    UpstreamAuth,
    UpstreamConnect,
    UpstreamDns,
    UpstreamError,
    UpstreamNotFound,
    UpstreamProtocol,
    UpstreamRateLimited,
    UpstreamTls,
    TimeoutConnect,
    TimeoutFirstToken,
    TimeoutIdle,
    Truncated,
)
# The provider was at work, and may count that: it is not asked for the same a second time.
_MAY_BE_BILLED = (TimeoutFirstToken, TimeoutIdle)

# Rather than wait for longer for the one, another is asked.
_MAX_WANTED_SECONDS = 2.0


class Choice(Struct, frozen=True):
    """One provider to ask: its settings, and the dialect that it speaks."""

    settings: Settings
    dialect: Dialect


class RemoteProvider:
    """The first of the choices; the others, in their order, where it fails before its first word.

    An async context manager, which holds the connections.

    Raises:
        SettingsError: the settings name no model, no key where one is needed, or what cannot be used.
    """

    def __init__(self, choices: Sequence[Choice], *, backoff: Backoff = Backoff()) -> None:  # noqa: B008 (frozen)
        settings = choices[0].settings
        if settings.deny_private and settings.proxy is not None:
            raise SettingsError("SIDECAR_DENY_PRIVATE must be off with a SIDECAR_PROXY: it looks names up itself.")
        self.name = choices[0].dialect.name
        self.models = tuple(dict.fromkeys((_model_of(settings), *settings.models)))
        self._timeouts = settings.timeouts
        self._complaint = Seldom()
        self._client = HttpClient(
            make_dialer(settings),
            max_connections=settings.limits.max_upstream,
            spares=settings.limits.spare_connections,
        )
        mask = Redaction(settings.secrets).mask
        self._first = _make_way(choices[0], self._client, mask, backoff)
        self._others = []
        for place, choice in enumerate(choices[1:], start=1):
            try:
                self._others.append(_make_way(choice, self._client, mask, backoff))
            except SettingsError as exc:
                raise SettingsError(f"SIDECAR_FALLBACKS, entry {place}: {exc}") from None

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._client.__aexit__(kind, exc, trace)

    @property
    def is_ready(self) -> bool:
        return any(way.route.is_ready for way in (self._first, *self._others))

    @property
    def connections_in_use(self) -> int:
        """How many requests are with the providers."""
        return self._client.connections_in_use

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Piece]]:
        async with aclosing(self._ask(prompt)) as pieces:
            yield pieces

    async def _ask(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        clocks = Clocks(self._timeouts)
        first = replace(self._first, model=prompt.model)
        ways = [first, *(other for other in self._others if not other.is_same_as(first))]
        first_error: SidecarError | None = None
        while True:
            way = ways.pop(0)
            is_last, has_begun = not ways, False
            try:
                wanted = None if is_last else _MAX_WANTED_SECONDS
                pieces = way.route.ask(replace(prompt, model=way.model), clocks, max_wanted_seconds=wanted)
                async with aclosing(pieces):
                    async for piece in pieces:
                        has_begun = has_begun or isinstance(piece, Text)
                        yield piece
                return
            except SidecarError as exc:
                error = exc
            # The first provider's own error is the one that tells a person what to do.
            first_error = first_error or error
            if isinstance(error, _MAY_BE_BILLED):
                ways = [other for other in ways if other.route.endpoint.origin != way.route.endpoint.origin]
            if has_begun or not ways or not isinstance(error, _MAY_GO_WELL_ELSEWHERE):
                try:
                    raise error if has_begun else first_error
                finally:
                    del error, first_error  # whose tracebacks hold us: none would be freed before long
            if self._complaint.is_due():
                logger.warning("fallback from=%s code=%s to=%s", way.route.label, error.code, ways[0].route.label)
            clocks.begin_anew()


class _Way(Struct, frozen=True):
    """A route, and the model to ask for on it."""

    route: Route
    model: str

    def is_same_as(self, other: "_Way") -> bool:
        """Say whether it leads to the same model as the other."""
        return (self.route.endpoint.url, self.model) == (other.route.endpoint.url, other.model)


def _make_way(choice: Choice, client: HttpClient, mask: Mask, backoff: Backoff) -> _Way:
    settings, dialect = choice.settings, choice.dialect
    endpoint = dialect.locate(settings.base_url, allow_http=settings.allow_http)
    model = _model_of(settings)
    if not settings.api_keys and not endpoint.is_loopback:
        raise SettingsError("OPENAI_API_KEY or OPENAI_API_KEY_FILE must give the provider's key.")
    if settings.deny_private and endpoint.is_loopback:
        raise SettingsError("OPENAI_BASE_URL names this machine, and SIDECAR_DENY_PRIVATE is on: only one can hold.")
    label = f"{dialect.name}/{model}"
    route = Route(dialect, endpoint, settings.api_keys, label=label, client=client, mask=mask, backoff=backoff)
    return _Way(route, model)


def _model_of(settings: Settings) -> str:
    if settings.model is None:
        raise SettingsError("OPENAI_MODEL must name the model that answers.")
    return settings.model
