"""What the process runs with at present: its settings, their provider and its log, and how they are read again."""

from collections.abc import Callable

from msgspec import Struct

from sidecar.observability import Log
from sidecar.providers.interface import Provider
from sidecar.settings import Settings


class Configuration(Struct):
    """What holds at present."""

    settings: Settings
    provider: Provider | None
    """The one that they choose, until it is taken."""
    log: Log
    read: Callable[[], tuple[Settings, Provider | None]]
    """Reads both, and may block. Raises SettingsError."""

    def take_provider(self) -> Provider | None:
        """Give the provider away: who opens it is to be the only one that keeps it."""
        provider, self.provider = self.provider, None
        return provider
