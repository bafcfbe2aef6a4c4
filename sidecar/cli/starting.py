"""What every command that serves does first: settings, log, provider. What goes wrong becomes one line and a status."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from sidecar.configuration import Configuration
from sidecar.observability import LogFileError, start_logging
from sidecar.providers.choosing import choose_provider
from sidecar.providers.interface import Provider
from sidecar.settings import Settings, SettingsError, forget_secrets, load_settings
from sidecar.transports.failures import ListenFailed
from sidecar.transports.token import TokenError
from sidecar.usage import UsageFileError

NO_SPARES: Mapping[str, str] = MappingProxyType({"SIDECAR_SPARE_CONNECTIONS": "0"})
"""Settings of what ends soon: no connection is opened ahead of a request that never comes."""

_EX_CANTCREAT = 73
_EX_CONFIG = 78


class StartFailed(Exception):
    """The program cannot start; `str()` is the line that says why, `exit_status` one of sysexits.h."""

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message)
        self.exit_status = exit_status


@contextmanager
def start(env_file: Path | None, overrides: Mapping[str, str]) -> Iterator[Configuration]:
    """Give the settings, the provider that they choose, and the log.

    Raises:
        StartFailed: something of that, or of what is begun within, does not work.
    """
    try:
        settings = load_settings(env_file=env_file, overrides=overrides)
        secrets = forget_secrets()

        def read() -> tuple[Settings, Provider | None]:
            of_environment = {name: secret.reveal() for name, secret in secrets.items()}
            settings = load_settings(env_file=env_file, overrides={**of_environment, **overrides})
            return settings, choose_provider(settings)

        with start_logging(settings.log_level, settings.log_file, secrets=settings.secrets) as log:
            yield Configuration(settings, choose_provider(settings), log, read)
    except SettingsError as exc:
        raise StartFailed(str(exc), _EX_CONFIG) from exc
    except (LogFileError, TokenError, UsageFileError) as exc:
        raise StartFailed(str(exc), _EX_CANTCREAT) from exc
    except ListenFailed as exc:
        raise StartFailed(str(exc), exc.exit_status) from exc
