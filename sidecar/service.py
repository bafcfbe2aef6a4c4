"""What the sidecar does for a request, whoever brought it: the one door between connections and replies."""

import sidecar
from protocol import PROTOCOL_VERSION
from protocol.messages import Done, Generate, Resume, Ticket
from sidecar import actions
from sidecar.errors import Draining, InvalidParameter, NotConfigured, Unsupported
from sidecar.providers.interface import Provider
from sidecar.replies import Opening, Replies, Reply

_RETRY_AFTER_DRAIN_SECONDS = 5.0


class Service:
    """Opens, finds and ends replies on behalf of requests. Whoever opens or resumes must `leave` once."""

    def __init__(self, *, provider: Provider | None, replies: Replies, rules: actions.Rules) -> None:
        self._provider = provider
        self._replies = replies
        self._rules = rules
        self.is_draining = False

    def open(self, request: Generate) -> Reply:
        """Admit a request and return its reply, attached.

        Raises:
            SidecarError: it is not admitted; nothing was begun.
        """
        if self.is_draining:
            raise Draining("The sidecar is being restarted.", retry_after=_RETRY_AFTER_DRAIN_SECONDS)
        if self._provider is None:
            raise NotConfigured("No model provider is configured: set SIDECAR_PROVIDER, or OPENAI_API_KEY.")
        if request.ticket:
            raise Unsupported(_NO_WEB_SOCKET)
        if request.key is not None and not request.detach:
            raise InvalidParameter("`key` is for detached replies: set `detach`.")
        marker = actions.new_marker()
        prompt = actions.render(request, self._rules, marker=marker)
        may_share = actions.ACTIONS[type(request)].is_shareable
        fingerprint = None
        if may_share or request.key is not None:
            fingerprint = actions.digest(prompt, marker=marker, provider=self._provider.name)
        opening = Opening(
            user_id=_as_text(request.user_id),
            is_detached=bool(request.detach),
            key=request.key,
            fingerprint=fingerprint,
            may_share=may_share,
        )
        return self._replies.open(prompt, opening, self._provider)

    def resume(self, request: Resume) -> Reply:
        """Return a detached reply, attached.

        Raises:
            NotFound: there is none of that id for this user.
            InvalidParameter: it has fewer deltas than `after`.
        """
        reply = self._replies.find(request.reply, _as_text(request.user_id))
        if (request.after or 0) > reply.last_seq:
            raise InvalidParameter(f"`after` is more than the {reply.last_seq} deltas that the reply has so far.")
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

    def issue_ticket(self, request: Ticket) -> Done:
        """Return a ticket for the web server's socket. Raises Unsupported where there is no such socket."""
        raise Unsupported(_NO_WEB_SOCKET)

    def status(self) -> Done:
        """Return the answer to ping, without an id."""
        provider = self._provider
        return Done(
            protocol=PROTOCOL_VERSION,
            version=sidecar.__version__,
            provider=provider.name if provider else None,
            models=provider.models if provider else (),
            ready=provider is not None and provider.is_ready and not self.is_draining,
        )


_NO_WEB_SOCKET = "This version hands out no tickets: it has no socket for the web server."


def _as_text(outer_id: str | int | None) -> str | None:
    return None if outer_id is None else str(outer_id)
