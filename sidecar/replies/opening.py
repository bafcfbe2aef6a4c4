"""What is given to the store: how much it may keep, and what a request says of the reply that it wants."""

from collections.abc import Callable

from msgspec import Struct

from protocol.messages import Usage
from sidecar.usage import Booking


class ReplyLimits(Struct, frozen=True, kw_only=True):
    """How much and for how long."""

    max_reply_bytes: int = 1024 * 1024
    max_total_bytes: int = 64 * 1024 * 1024
    max_prompt_bytes: int = 64 * 1024 * 1024
    """For the prompts of all running calls: they outlive the connections that asked."""
    max_running: int = 1000
    cache_seconds: float = 0.0
    """For how long a whole answer that may be shared is given again; 0: not at all."""
    grace_seconds: float = 15.0
    resume_seconds: float = 600.0


class Opening(Struct, frozen=True, kw_only=True):
    """What a request says of the reply that it wants; `fingerprint` is a hash over all that shapes the answer."""

    user_id: str | None = None
    is_detached: bool = False
    grace_seconds: float | None = None
    """For how long it goes on without a reader; None: as the limits say."""
    key: str | None = None
    fingerprint: str | None = None
    may_share: bool = False
    spent: Callable[[], Usage] | None = None
    """What the call has cost so far; None: it is estimated from its prompt and its text."""
    booking: Booking | None = None
    """What a call is paid with, where one is needed for it."""
