"""Counts what was used within the last hour, or day: a window that moves on in steps. Pure; time is given."""

import math
from array import array

# An hour is counted in pieces of two and a half minutes, a day in hours: what was used is held against its user for up
# to one piece longer than the window, never shorter.
_PIECES = 24


class Window:
    """What was used within the last `seconds`. Of a fixed size, whatever happens."""

    __slots__ = ("_latest", "_pieces", "_seconds", "_used")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds / _PIECES
        self._pieces = array("q", bytes(8 * (_PIECES + 1)))
        self._latest = -(2**62)
        self._used = 0

    def used(self, now: float) -> int:
        """Return what was used."""
        self._move_on(self._piece_at(now))
        return self._used

    def add(self, amount: int, at: float) -> None:
        """Book `amount`; `at` may lie back, as long as it is within the window."""
        piece = self._piece_at(at)
        self._move_on(piece)
        if piece > self._latest - len(self._pieces):
            self._pieces[piece % len(self._pieces)] += amount
            self._used += amount

    def seconds_until_free(self, amount: int, now: float) -> float:
        """Return after how long at least `amount` of what was used is no longer counted."""
        self._move_on(self._piece_at(now))
        size = len(self._pieces)
        for piece in range(self._latest - size + 1, self._latest + 1):
            amount -= self._pieces[piece % size]
            if amount <= 0:
                return max((piece + size) * self._seconds - now, 0.0)
        return math.inf

    def _piece_at(self, moment: float) -> int:
        return math.floor(moment / self._seconds)

    def _move_on(self, piece: int) -> None:
        size = len(self._pieces)
        for passed in range(max(self._latest + 1, piece - size + 1), piece + 1):
            self._used -= self._pieces[passed % size]
            self._pieces[passed % size] = 0
        self._latest = max(self._latest, piece)
