"""Which provider the settings choose. A new dialect is one file and one line in `_DIALECTS`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sidecar.providers.dialect import Dialect
from sidecar.providers.endpoint import Endpoint
from sidecar.providers.interface import Provider
from sidecar.settings import Settings, SettingsError


def _openai() -> Dialect:
    from sidecar.providers.openai import OpenAIDialect

    return OpenAIDialect()


def _anthropic() -> Dialect:
    from sidecar.providers.anthropic import AnthropicDialect

    return AnthropicDialect()


# Each loads what it needs: only one is spoken as a rule.
DIALECTS: Mapping[str, Callable[[], Dialect]] = MappingProxyType({"openai": _openai, "anthropic": _anthropic})
DEMO = "demo"


def choose_provider(settings: Settings) -> Provider | None:
    """Return the provider, or None where none is configured: then every request is answered `not_configured`.

    Raises:
        SettingsError: the one that is named does not exist, or lacks a setting; or one of its fallbacks.
    """
    name = _choose_name(settings)
    if name is None:
        return None
    if name == DEMO:
        from sidecar.providers.demo import DemoProvider

        return DemoProvider()
    dialects = [_make_dialect(name, settings)]
    for place, fallback in enumerate(settings.fallbacks, start=1):
        name = _choose_name(fallback) or "openai"
        if name not in DIALECTS:
            raise SettingsError(f"SIDECAR_FALLBACKS, entry {place}: its provider must be {' or '.join(DIALECTS)}.")
        dialects.append(DIALECTS[name]())
    # Imported when it is needed: all that speaks HTTP and TLS is a large part of a start.
    from sidecar.providers.remote import Choice, RemoteProvider

    choices = zip((settings, *settings.fallbacks), dialects, strict=True)
    return RemoteProvider([Choice(*choice) for choice in choices])


def locate(settings: Settings) -> Endpoint:
    """Return the address that `choose_provider` asks first, where that is a remote one. Raises SettingsError."""
    dialect = _make_dialect(_choose_name(settings) or "openai", settings)
    return dialect.locate(settings.base_url, allow_http=settings.allow_http)


def _choose_name(settings: Settings) -> str | None:
    if settings.provider is None and (settings.api_keys or settings.base_url):
        return "openai"
    return settings.provider or settings.provider_if_unset


def _make_dialect(name: str, settings: Settings) -> Dialect:
    if name not in DIALECTS:
        setting = "SIDECAR_PROVIDER" if settings.provider else "SIDECAR_PROVIDER_IF_UNSET"
        raise SettingsError(f"{setting} must be {', '.join(DIALECTS)} or {DEMO} in this version.")
    return DIALECTS[name]()
