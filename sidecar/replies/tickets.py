"""Tickets: each opens one reply, behind one delta, once, and soon. No task, no I/O.

`now` is given by the caller, in seconds of a clock that only goes forward. SPEC.md, section 7.7.
"""

import secrets
from collections import OrderedDict
from typing import NamedTuple

from msgspec import Struct

from sidecar.errors import NotFound, Overloaded

# 192 bits: whoever may knock at the web server's socket may guess as often as he likes.
_RANDOM_BYTES = 24


class TicketLimits(Struct, frozen=True, kw_only=True):
    """How many, and for how long."""

    max_tickets: int = 10_000
    """Tickets that were given and not used, of all replies. Ten for each that may run; about 300 bytes each."""
    ticket_seconds: float = 30.0


class Grant(NamedTuple):
    """What a ticket opens."""

    reply_id: str
    after: int


class TicketStore:
    """Gives tickets and takes them back."""

    def __init__(self, limits: TicketLimits) -> None:
        self.limits = limits
        # In the order of their deadlines, because all are good for the same time.
        self._tickets: OrderedDict[str, tuple[float, Grant]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tickets)

    def make_room(self, now: float) -> None:
        """Drop what is over.

        Raises:
            Overloaded: no other ticket can be given now.
        """
        while (oldest := next(iter(self._tickets.values()), None)) is not None and oldest[0] <= now:
            self._tickets.popitem(last=False)
        if oldest is not None and len(self._tickets) >= self.limits.max_tickets:
            raise Overloaded(
                f"{self.limits.max_tickets} tickets were given and not used, which is the most that may be.",
                retry_after=oldest[0] - now,
            )

    def issue(self, grant: Grant, now: float) -> str:
        """Return a new ticket. Raises Overloaded."""
        self.make_room(now)
        ticket = "t_" + secrets.token_urlsafe(_RANDOM_BYTES)
        self._tickets[ticket] = (now + self.limits.ticket_seconds, grant)
        return ticket

    def find(self, ticket: str, now: float) -> Grant:
        """Return what a ticket opens; it stays good.

        Raises:
            NotFound: it is none, was used, or is over; which of these is not said.
        """
        deadline, grant = self._tickets.get(ticket, (now, None))
        if grant is None or deadline <= now:
            raise NotFound("There is no such ticket: each is good once, and for a short time.")
        return grant

    def redeem(self, ticket: str, now: float) -> Grant:
        """Return what a ticket opens, and take it back. Raises NotFound."""
        grant = self.find(ticket, now)
        del self._tickets[ticket]
        return grant
