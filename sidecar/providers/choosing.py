"""Which provider the settings choose. A new dialect is one file and one line in `_DIALECTS`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sidecar.providers.anthropic import AnthropicDialect
from sidecar.providers.demo import DemoProvider
from sidecar.providers.dialect import Dialect
from sidecar.providers.endpoint import Endpoint
from sidecar.providers.interface import Provider
from sidecar.providers.openai import OpenAIDialect
from sidecar.settings import Settings, SettingsError

DIALECTS: Mapping[str, Callable[[], Dialect]] = MappingProxyType(
    {"openai": OpenAIDialect, "anthropic": AnthropicDialect}
)
DEMO = "demo"


def choose_provider(settings: Settings) -> Provider | None:
    """Return the provider, or None where none is configured: then every request is answered `not_configured`.

    Raises:
        SettingsError: the one that is named does not exist, or lacks a setting.
    """
    name = settings.provider
    if name is None and (settings.api_key or settings.base_url):
        name = "openai"
    name = name or settings.provider_if_unset
    if name is None:
        return None
    if name == DEMO:
        return DemoProvider()
    if name not in DIALECTS:
        setting = "SIDECAR_PROVIDER" if settings.provider else "SIDECAR_PROVIDER_IF_UNSET"
        raise SettingsError(f"{setting} must be {', '.join(DIALECTS)} or {DEMO} in this version.")
    # Imported when it is needed: httpx takes longer than the rest of a start.
    from sidecar.providers.remote import RemoteProvider

    return RemoteProvider(settings, DIALECTS[name]())


def locate(settings: Settings) -> Endpoint:
    """Return the address that `choose_provider` asks, where that is a remote one. Raises SettingsError."""
    dialect = DIALECTS[settings.provider or settings.provider_if_unset or "openai"]()
    return dialect.locate(settings.base_url, allow_http=settings.allow_http)
