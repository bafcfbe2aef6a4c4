"""SIGHUP: the settings, the keys and the log are taken anew for what comes from now on. What runs is not touched."""

import logging
import signal
from collections.abc import Iterator
from functools import partial
from operator import attrgetter

import anyio
import anyio.to_thread
from anyio.abc import TaskStatus

from sidecar.assembly import Parts, change, describe
from sidecar.configuration import Configuration
from sidecar.notifying import Notifier
from sidecar.observability import LogFileError
from sidecar.secret import Secret
from sidecar.settings import OPTIONS, Settings, SettingsError

logger = logging.getLogger(__name__)

TAKEN = frozenset(
    """
    provider provider_if_unset api_keys api_key_file base_url model models fallbacks allow_http deny_private ca proxy
    timeouts.connect_seconds timeouts.first_token_seconds timeouts.idle_seconds timeouts.total_seconds
    max_tokens summarize_threshold context_tokens extractive_fallback limits.max_text_bytes limits.max_chat_bytes
    limits.max_upstream limits.queue_seconds limits.spare_connections
    heartbeat_seconds limits.read_seconds limits.idle_seconds limits.stall_seconds limits.max_payload_bytes
    limits.max_running_per_connection limits.max_waiting_per_connection
    log_file log_level env_file
    """.split()
)
"""The fields that hold anew, for the next request or connection. All others need a restart."""

_FAILED = "reload failed, what was read before goes on"


class Reloading:
    """Reads the configuration again at each SIGHUP. What is wrong with it is logged, and the old one goes on."""

    def __init__(
        self, configuration: Configuration, parts: Parts, notifier: Notifier, *, token: Secret | None = None
    ) -> None:
        """`token` is not read again, and the log goes on masking it."""
        self._configuration = configuration
        self._parts = parts
        self._notifier = notifier
        self._token = token
        self._began_with = configuration.settings
        self._former: list[Settings] = []
        """Those by which something is still answered."""

    async def heed(self, *, task_status: TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(signal.SIGHUP) as signals:
            task_status.started()
            async for _ in signals:
                self._notifier.reloading()
                await self.reload()
                self._notifier.ready(describe(self._parts))

    async def reload(self) -> None:
        """Read all again, and have it hold for what comes."""
        configuration = self._configuration
        try:
            settings, provider = await anyio.to_thread.run_sync(configuration.read)
            for secret in settings.secrets:  # before anything can be logged by them
                configuration.log.redaction.add(secret)
            configuration.log.change(settings.log_level, settings.log_file)
        except (SettingsError, LogFileError) as exc:
            logger.error("%s: %s", _FAILED, exc)
            return
        except Exception:  # a fence: at a start it would end the process, and here nothing may
            logger.exception(_FAILED)
            return
        former, configuration.settings = configuration.settings, settings
        self._former.append(former)
        await change(self._parts, settings, provider, on_end=partial(self._forget, former))
        keys = len(settings.api_keys)
        name = provider.name if provider is not None else "none"
        logger.info("reloaded provider=%s keys=%d settings=%s", name, keys, settings.env_file or "the environment")
        if names := ", ".join(_need_restart(self._began_with, settings)):
            logger.warning("reload: a restart is needed for: %s", names)

    def _forget(self, former: Settings) -> None:
        """Keep nothing of secrets by which nobody is answered any more."""
        self._former = [other for other in self._former if other is not former]  # there may be equal ones
        for secret in former.secrets_of_providers:
            secret.forget()
        known = [*self._configuration.settings.secrets, *(one for other in self._former for one in other.secrets)]
        self._configuration.log.redaction.keep([*known, *([self._token] if self._token else [])])


def _need_restart(before: Settings, now: Settings) -> Iterator[str]:
    """Give the names of settings that have changed, and hold only after a restart."""
    for option in OPTIONS:
        if option.field not in TAKEN and attrgetter(option.field)(before) != attrgetter(option.field)(now):
            yield option.name
