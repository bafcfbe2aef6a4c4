"""The settings as the rest of the sidecar sees them: parsed, checked and frozen."""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from sidecar.secret import Secret
from sidecar.settings.parsing import TcpAddress
from sidecar.unprinted import Unprinted


class Limits(Struct, frozen=True, kw_only=True):
    """How long a peer may take, and how much it may use."""

    first_byte_seconds: float
    socket_first_byte_seconds: float
    read_seconds: float
    idle_seconds: float
    stall_seconds: float
    max_connections: int
    max_unauthorized_connections: int
    max_running: int
    max_running_per_connection: int
    max_waiting_per_connection: int
    max_payload_bytes: int
    max_text_bytes: int
    max_chat_bytes: int
    max_reply_bytes: int
    max_replies_bytes: int
    max_unfinished_bytes: int
    max_unauthorized_bytes: int
    max_upstream: int
    """Connections to the provider."""
    queue_seconds: float
    spare_connections: int


class UserLimits(Struct, frozen=True, kw_only=True):
    """What each user may use; 0: as much as they like."""

    requests_at_once: int = 0
    requests_per_hour: int = 0
    requests_per_day: int = 0
    tokens_per_hour: int = 0
    tokens_per_day: int = 0


class Timeouts(Struct, frozen=True, kw_only=True):
    """How long a provider may take."""

    connect_seconds: float
    first_token_seconds: float
    idle_seconds: float
    total_seconds: float


class Settings(Unprinted, frozen=True, kw_only=True):
    """Everything that can be configured. None is "unset"."""

    provider: str | None
    provider_if_unset: str | None
    api_keys: tuple[Secret, ...]
    """From OPENAI_API_KEY, from the file, or from systemd."""
    api_key_file: Path | None
    base_url: str | None
    """Some put a key into its query."""
    model: str | None
    models: tuple[str, ...]
    """What a request may name beside `model`; `*` allows any."""
    fallbacks: tuple["Settings", ...]
    """These settings with another model, or with the address, the keys and the model of another provider."""
    allow_http: bool
    deny_private: bool
    ca: Path | None
    """A file or a directory of certificates."""
    proxy: Secret | None
    """Its address, which may hold a password."""
    max_tokens: int
    summarize_threshold: int
    context_tokens: int
    extractive_fallback: bool

    socket: Path | Literal["off"] | None
    socket_mode: int
    socket_gid: int | None
    allowed_uids: frozenset[int] | None
    web_socket: Path | Literal["off"] | None
    web_socket_gid: int | None
    tcp: TcpAddress | None
    """None is "off" here."""
    tcp_auth: bool
    token: Secret | None
    token_file: Path | None

    log_file: Path | None
    log_level: str
    """A word that the module logging knows, in small letters."""
    env_file: Path | None
    """The file that was read."""
    runtime_dir: Path | None
    """The user's own directory for sockets, from XDG_RUNTIME_DIR."""

    grace_seconds: float
    resume_seconds: float
    cache_seconds: float
    usage_file: Path | None
    usage_key: Secret | None
    ticket_seconds: float
    drain_seconds: float
    heartbeat_seconds: float
    limits: Limits
    user_limits: UserLimits
    timeouts: Timeouts

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """All that nobody may be shown."""
        own = (self.token, self.usage_key)
        return (*self.secrets_of_providers, *(secret for secret in own if secret is not None))

    @property
    def secrets_of_providers(self) -> tuple[Secret, ...]:
        """Those that the providers are asked with."""
        others = (secret for fallback in self.fallbacks for secret in fallback.api_keys)
        return (*self.api_keys, *others, *([self.proxy] if self.proxy is not None else []))
