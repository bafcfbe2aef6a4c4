"""What a dialect is: how a provider wants to be asked, and what its answers mean. No I/O, no clock.

A new one is a file beside this one with a class of this shape, and a line in choosing.py.
"""

from collections.abc import Mapping
from typing import Protocol

from protocol.messages import Usage
from sidecar.providers.endpoint import Endpoint
from sidecar.providers.failures import Mask
from sidecar.providers.interface import Finish, Prompt
from sidecar.providers.sse import SseEvent


class Reading(Protocol):
    """One answer, event by event. It is tolerant of what a server leaves out, and strict where text could be lost."""

    is_done: bool
    """Whether the provider's last word has come; what follows it is ignored."""
    progress: int
    """How often the model has said something, be it only thought."""

    @property
    def counted(self) -> Usage | None:
        """What the answer has cost so far, where the provider counts as it writes."""

    @property
    def has_finished(self) -> bool:
        """Whether the model has ended its answer: from then on a broken connection loses nothing of it."""

    @property
    def awaits_last_word(self) -> bool:
        """Whether nothing but counts and the provider's last word is still to come."""

    def take_event(self, event: SseEvent) -> str:
        """Return the text in an event, which may end in half of a character.

        Raises:
            SidecarError, TryAgain: it tells of an error, or is none of this dialect.
        """

    def take_whole(self, body: bytes) -> str:
        """Return the text of an answer that came in one piece of JSON instead of as events. Raises as `take_event`."""

    def end(self) -> Finish:
        """Return the end of the answer, after its last byte.

        Raises:
            UpstreamProtocol: there was none.
            Truncated: it has begun, and the provider's own end is missing.
        """


class Dialect(Protocol):
    """One of the languages that providers speak."""

    @property
    def name(self) -> str:
        """The word that chooses it in the settings."""

    @property
    def optional(self) -> tuple[str, ...]:
        """The parameters that `write` can do without, or write otherwise, where a model does not take them."""

    def locate(self, base_url: str | None, *, allow_http: bool = False) -> Endpoint:
        """Return the endpoint under `base_url`, which the settings have checked; None is the dialect's own.

        Raises:
            SettingsError: it cannot be used.
        """

    def write(self, prompt: Prompt, left_out: frozenset[str]) -> Mapping[str, object]:
        """Return the body of a request that streams the answer to `prompt`, without what the model does not take."""

    def read(self, mask: Mask) -> Reading:
        """Begin to read an answer; `mask` hides secrets in what the provider says."""
