"""Where a provider is reached: from OPENAI_BASE_URL to the address that is asked. SPEC: tests/providers/urls.json."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit, urlunsplit

from sidecar.settings import SettingsError

DEFAULT_BASE_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a provider's chat completions. Its repr shows none: some put a key into the query."""

    url: str = field(repr=False)
    is_loopback: bool
    """Whether it is on this machine: no key is needed then, and no TLS."""
    key_header: str = "Authorization"
    """The header that the key is sent in; in this one behind the word Bearer."""
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What is sent beside ours in each request."""


def make_endpoint(base_url: str | None, *, allow_http: bool = False) -> Endpoint:
    """Return the endpoint under `base_url`, which the settings have checked; None is OpenAI's own.

    Raises:
        SettingsError: it is plain http to another machine, which was not allowed.
    """
    parts = urlsplit(base_url or DEFAULT_BASE_URL)
    is_loopback = _is_loopback(parts.hostname or "")
    if parts.scheme == "http" and not (is_loopback or allow_http):
        raise SettingsError(
            "OPENAI_BASE_URL must begin with https:// or name this machine: over http:// everybody on the way reads "
            "the key and the texts. SIDECAR_ALLOW_HTTP=on allows it."
        )
    return Endpoint(urlunsplit(parts._replace(path=_complete(parts))), is_loopback)


def _complete(parts: SplitResult) -> str:
    path = parts.path.rstrip("/")
    if not path:
        return "/v1/chat/completions"
    return path if path.endswith("/chat/completions") else f"{path}/chat/completions"


def _is_loopback(host: str) -> bool:
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
