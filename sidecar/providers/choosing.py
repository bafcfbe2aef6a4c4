"""Which provider the settings choose. A new provider is one file and one line in `PROVIDERS`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sidecar.providers.demo import DemoProvider
from sidecar.providers.interface import Provider
from sidecar.settings import Settings, SettingsError


def _make_openai(settings: Settings) -> Provider:
    # Imported when it is chosen: httpx takes longer than the rest of a start.
    from sidecar.providers.openai import OpenAIProvider

    return OpenAIProvider(settings)


PROVIDERS: Mapping[str, Callable[[Settings], Provider]] = MappingProxyType(
    {"demo": lambda settings: DemoProvider(), "openai": _make_openai}
)


def choose_provider(settings: Settings) -> Provider | None:
    """Return the provider, or None where none is configured: then every request is answered `not_configured`.

    Raises:
        SettingsError: the one that is named does not exist, or lacks a setting.
    """
    name, setting = settings.provider, "SIDECAR_PROVIDER"
    if name is None and (settings.api_key or settings.base_url):
        name = "openai"
    if name is None:
        name, setting = settings.provider_if_unset, "SIDECAR_PROVIDER_IF_UNSET"
    if name is None:
        return None
    if name not in PROVIDERS:
        raise SettingsError(f"{setting} must be {' or '.join(PROVIDERS)} in this version.")
    return PROVIDERS[name](settings)
