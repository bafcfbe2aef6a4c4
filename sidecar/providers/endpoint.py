"""Where a provider is reached: from OPENAI_BASE_URL to the address that is asked. SPEC: tests/providers/urls.json."""

import ipaddress
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit, urlunsplit

from msgspec import field

from sidecar.settings import SettingsError
from sidecar.unprinted import Unprinted

_PORTS: Mapping[str, int] = MappingProxyType({"http": 80, "https": 443})


class Endpoint(Unprinted, frozen=True):
    """The address that a provider answers at. Its repr shows none: some put a key into the query."""

    url: str
    is_loopback: bool
    """Whether it is on this machine: no key is needed then, and no TLS."""
    key_header: str = "Authorization"
    """The header that the key is sent in; in this one behind the word Bearer."""
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What is sent beside ours in each request."""
    left_out: frozenset[str] = frozenset()
    """Parameters that it is not to be sent, as it may refuse them."""

    @property
    def origin(self) -> tuple[str, str, int | None]:
        """The server, however the address is written: scheme, host and port."""
        parts = urlsplit(self.url)
        return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme)


def split_base_url(base_url: str, *, allow_http: bool) -> tuple[SplitResult, bool]:
    """Return the parts of an address that the settings have checked, and whether it is on this machine.

    Raises:
        SettingsError: it is plain http to another machine, which was not allowed.
    """
    parts = urlsplit(base_url)
    is_loopback = _is_loopback(parts.hostname or "")
    if parts.scheme == "http" and not (is_loopback or allow_http):
        raise SettingsError(
            "OPENAI_BASE_URL must begin with https:// or name this machine: over http:// everybody on the way reads "
            "the key and the texts. SIDECAR_ALLOW_HTTP=on allows it."
        )
    return parts._replace(path=parts.path.rstrip("/")), is_loopback


def join(parts: SplitResult, path: str) -> str:
    """Return the address with this path; a query is kept."""
    return urlunsplit(parts._replace(path=path))


def _is_loopback(host: str) -> bool:
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
