"""Values that hold what people wrote, or a key."""

from msgspec import Struct


class Unprinted(Struct, frozen=True):
    """A struct whose repr, which ends up in logs and traces, shows nothing of it."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"
