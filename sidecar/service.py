"""What the sidecar does for a request, whoever brought it: the one door between connections and replies."""

import time
from typing import NamedTuple

import anyio

import sidecar
from protocol import PROTOCOL_VERSION
from protocol.messages import Beginning, Done, Generate, Resume, SelfTest, Ticket
from sidecar import actions
from sidecar.errors import Draining, InvalidParameter, NotConfigured, Unsupported
from sidecar.providers.fair_queue import Asker
from sidecar.providers.interface import Prompt, Provider
from sidecar.providers.queued import QueuedProvider, Turns
from sidecar.providers.selftest import NO_COST, PROMPT, SelfTestProvider
from sidecar.replies import Grant, Opening, Replies, Reply, TicketStore
from sidecar.usage import Accounts, Purpose

_RETRY_AFTER_DRAIN_SECONDS = 5.0


class IssuedTicket(NamedTuple):
    """A ticket and how long it is good."""

    name: str
    seconds: float


class Service:
    """Opens, finds and ends replies on behalf of requests. Whoever opens or resumes must `leave` once."""

    def __init__(
        self,
        *,
        provider: Provider | None,
        replies: Replies,
        rules: actions.Rules,
        tickets: TicketStore | None = None,
        turns: Turns | None = None,
        accounts: Accounts | None = None,
    ) -> None:
        """`tickets` is None where no socket for the web server takes them; without `turns` nothing is queued."""
        self._provider = provider
        self._replies = replies
        self._rules = rules
        self._tickets = tickets
        self._turns = turns
        self._summaries = actions.Summaries()
        self._accounts = accounts or Accounts(replies.metrics)
        self.is_draining = False
        self.metrics = replies.metrics
        self.metrics.watch("sidecar_ready", "Whether requests are served: 1 or 0.", lambda: bool(self.status().ready))
        self._began = time.monotonic()

    def use(self, provider: Provider | None, *, rules: actions.Rules, turns: Turns | None) -> None:
        """Serve requests by these from now on."""
        self._provider, self._rules, self._turns = provider, rules, turns

    @property
    def queued(self) -> int:
        """How many calls wait for a place."""
        return len(self._turns.queue) if self._turns is not None else 0

    def open(self, request: Beginning) -> Reply:
        """Admit a request and return its reply, attached.

        Raises:
            SidecarError: it is not admitted; nothing was begun.
        """
        if self.is_draining:
            raise Draining("The sidecar is being restarted.", retry_after=_RETRY_AFTER_DRAIN_SECONDS)
        if isinstance(request, SelfTest):
            self._check_ticket(request)
            opening = Opening(
                user_id=_as_text(request.user_id), is_detached=bool(request.detach), spent=lambda: NO_COST
            )
            return self._replies.open(PROMPT, opening, SelfTestProvider())
        if self._provider is None:
            raise NotConfigured("No model provider is configured: set SIDECAR_PROVIDER, or OPENAI_API_KEY.")
        self._check_ticket(request)
        for name, value in (("key", request.key), ("grace_seconds", request.grace_seconds)):
            if value is not None and not request.detach:
                raise InvalidParameter(f"`{name}` is for detached replies: set `detach`.")
        return self._replies.open(*self._prepare(request, self._provider))

    def _check_ticket(self, request: Beginning) -> None:
        if not request.ticket:
            return
        self._usable_tickets().make_room(anyio.current_time())
        if not request.stream:
            raise InvalidParameter("`ticket` comes in `start`: set `stream`.")
        if not request.detach:
            raise InvalidParameter("`ticket` is for detached replies: set `detach`.")

    def _prepare(self, request: Generate, provider: Provider) -> tuple[Prompt, Opening, Provider]:
        """Return what is asked, what the reply shall be, and who writes it. Raises as `actions.make_plan`."""
        marker = actions.new_marker()
        prompt, plan = actions.make_plan(request, self._rules, marker=marker)
        may_share = actions.ACTIONS[type(request)].is_shareable
        fingerprint = None
        if may_share or request.key is not None:
            fingerprint = actions.digest(prompt, marker=marker, provider=provider.name)
        purpose = Purpose(
            action=prompt.action,
            provider=provider.name,
            model=prompt.model,
            user_id=_as_text(request.user_id),
            course_id=_as_text(request.course_id),
        )
        if self._turns is not None:
            provider = QueuedProvider(provider, self._turns, Asker(purpose.course_id, purpose.user_id))
        work = actions.Work(provider, plan, summaries=self._summaries)
        opening = Opening(
            user_id=purpose.user_id,
            is_detached=bool(request.detach),
            grace_seconds=request.grace_seconds,
            key=request.key,
            fingerprint=fingerprint,
            may_share=may_share,
            spent=work.spent,
            booking=self._accounts.booking(purpose, tokens=actions.most_tokens(prompt, self._rules)),
        )
        return prompt, opening, work

    def resume(self, request: Resume) -> Reply:
        """Return a detached reply, attached.

        Raises:
            NotFound: there is none of that id for this user.
            InvalidParameter: it has fewer deltas than `after`.
        """
        reply = self._replies.find(request.reply, _as_text(request.user_id))
        _check_after(request.after or 0, reply)
        self._replies.attach(reply)
        return reply

    def leave(self, reply: Reply) -> None:
        """Say that a request reads its reply no longer."""
        self._replies.leave(reply)

    def cancel(self, reply: Reply) -> None:
        """End a reply of one's own."""
        self._replies.cancel(reply)

    def cancel_by_reply(self, reply_id: str, user_id: str | int | None) -> Done:
        """End a detached reply, started on any connection, and return the answer without id. Raises NotFound."""
        self._replies.cancel(self._replies.find(reply_id, _as_text(user_id)))
        return Done()

    def issue_ticket(self, reply: Reply, after: int = 0) -> IssuedTicket:
        """Return a ticket for a detached reply, behind the delta `after`.

        Raises:
            Unsupported: there is no socket for the web server.
            InvalidParameter: the reply has fewer deltas than `after`.
            Overloaded: too many tickets were given and not used.
        """
        tickets = self._usable_tickets()
        _check_after(after, reply)
        name = tickets.issue(Grant(reply.id, after), anyio.current_time())
        return IssuedTicket(name, tickets.limits.ticket_seconds)

    def ticket(self, request: Ticket) -> Done:
        """Return the answer to `ticket`, without id. Raises NotFound, and as `issue_ticket`."""
        self._usable_tickets()
        reply = self._replies.find(request.reply, _as_text(request.user_id))
        issued = self.issue_ticket(reply, request.after or 0)
        return Done(ticket=issued.name, expires_in=issued.seconds)

    def redeem(self, ticket: str, *, after: int | None = None) -> tuple[Reply, int]:
        """Take a ticket back, and return its reply, attached, and behind which delta to read.

        `after`, where it is given, is the last that the reader has: it wins over the one that the ticket names.

        Raises:
            NotFound: the ticket is not good, or its reply is no longer kept.
            InvalidParameter: the reply has fewer deltas than `after`.
        """
        tickets, now = self._usable_tickets(), anyio.current_time()
        grant = tickets.find(ticket, now)
        behind = grant.after if after is None else after
        reply = self.resume(Resume(reply=grant.reply_id, after=behind))
        tickets.redeem(ticket, now)  # only now: a wrong `after` costs none
        return reply, behind

    def _usable_tickets(self) -> TicketStore:
        if self._tickets is None:
            raise Unsupported("Nothing here takes tickets: they need `serve` with a SIDECAR_WEB_SOCKET.")
        return self._tickets

    @property
    def uptime_seconds(self) -> float:
        """How long it has been there."""
        return time.monotonic() - self._began

    def status(self) -> Done:
        """Return the answer to ping, without an id."""
        provider = self._provider
        return Done(
            protocol=PROTOCOL_VERSION,
            version=sidecar.__version__,
            provider=provider.name if provider else None,
            models=provider.models if provider else (),
            ready=provider is not None and provider.is_ready and not self.is_draining,
            tickets=self._tickets is not None,
        )


def _check_after(after: int, reply: Reply) -> None:
    if after > reply.last_seq:
        raise InvalidParameter(f"`after` is more than the {reply.last_seq} deltas that the reply has so far.")


def _as_text(outer_id: str | int | None) -> str | None:
    return None if outer_id is None else str(outer_id)
