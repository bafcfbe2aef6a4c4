"""Who has the next place with the provider: the courses in turn, in a course its users in turn, of a user the oldest.

Pure: no clock, no waiting. So a course with a hundred questions holds up one with a single question by one place, and
nobody waits for ever.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Asker(NamedTuple):
    """On whose behalf a question is asked, as far as that is known."""

    course_id: str | None = None
    user_id: str | None = None


class Turn:
    """One question: it waits for a place, or has one."""

    def __init__(self, asker: Asker, joined: int, on_granted: Callable[[], None]) -> None:
        self.asker = asker
        self.joined = joined
        """How many had been given a place when it came."""
        self.is_granted = False
        self.on_granted = on_granted


class FairQueue:
    """A number of places, and those who wait for one. Whoever joins must `leave` once."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: OrderedDict[str | None, OrderedDict[str | None, dict[Turn, None]]] = OrderedDict()
        self._count = 0
        self.granted = 0
        """How many have been given a place after waiting."""

    def __len__(self) -> int:
        """How many wait."""
        return self._count

    def join(self, asker: Asker, on_granted: Callable[[], None] = lambda: None) -> Turn:
        """Take a place, or queue for one: then `on_granted` is called when the turn has come."""
        turn = Turn(asker, self.granted, on_granted)
        if self._free:
            self._free -= 1
            turn.is_granted = True
        else:
            users = self._waiting.setdefault(asker.course_id, OrderedDict())
            users.setdefault(asker.user_id, {})[turn] = None
            self._count += 1
        return turn

    def leave(self, turn: Turn) -> None:
        """Give up the place, which the next one gets, or the waiting for one."""
        if not turn.is_granted:
            self._take(turn)
        elif self._waiting:
            self._grant_next()
        else:
            self._free += 1

    def order(self) -> Iterator[Turn]:
        """Give all who wait in the order in which they would have their turns, if nobody else came."""
        courses = deque(deque(deque(turns) for turns in users.values()) for users in self._waiting.values())
        while courses:
            users = courses.popleft()
            turns = users.popleft()
            yield turns.popleft()
            if turns:
                users.append(turns)
            if users:
                courses.append(users)

    def _grant_next(self) -> None:
        course_id, users = next(iter(self._waiting.items()))
        user_id, turns = next(iter(users.items()))
        turn = next(iter(turns))
        # Behind all others, where there is more of them.
        self._waiting.move_to_end(course_id)
        users.move_to_end(user_id)
        self._take(turn)
        self.granted += 1
        turn.is_granted = True
        turn.on_granted()

    def _take(self, turn: Turn) -> None:
        course_id, user_id = turn.asker
        users = self._waiting[course_id]
        turns = users[user_id]
        del turns[turn]
        self._count -= 1
        if not turns:
            del users[user_id]
        if not users:
            del self._waiting[course_id]
