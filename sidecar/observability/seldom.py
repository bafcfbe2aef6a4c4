"""For what may happen thousands of times a second, and is to be said now and then."""

import math
import time

_PAUSE_SECONDS = 10.0


class Seldom:
    """Whether to say it this time: the first time, and then at most every ten seconds."""

    def __init__(self) -> None:
        self._silent_until = -math.inf

    def is_due(self) -> bool:
        now = time.monotonic()
        if now < self._silent_until:
            return False
        self._silent_until = now + _PAUSE_SECONDS
        return True
