"""Who may ask: looked at as soon as a request's head is there, before its body is read.

On TCP a web page in a browser of this machine, or a server that can be made to ask, must get nothing: a token, an exact
Host, no Origin. The Unix socket is guarded by its peer's uid, and any Host is taken. A request that a proxy passed on
is refused on both: it comes from somewhere else than its connection. On the Unix socket the uid would be the proxy's,
so that whatever only a browser or a proxy says gives it away there. A proxy that takes all of that out is not known.
"""

from dataclasses import dataclass

from protocol.errors import Code
from sidecar.dialects.http.guard import Head
from sidecar.dialects.http.refused import Refused
from sidecar.dialects.http.request import bearer_token
from sidecar.dialects.http.routing import Route, Routes
from sidecar.errors import Unauthorized
from sidecar.secret import Secret

_OF_PROXIES = frozenset({"forwarded", "via", "x-real-ip"})
_OF_PROXIES_BEGINS = "x-forwarded-"
_OF_BROWSERS = frozenset({"origin", "x-http-method-override", "x-method-override", "x-http-method"})

# By TCP there may be a cookie of another server of this machine, since cookies know no ports.
_NEVER_BY_UNIX = _OF_BROWSERS | {"cookie", "referer", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"}

_JSON_KINDS = frozenset({"application/json", "application/json;charset=utf-8", 'application/json;charset="utf-8"'})

_ANSWER_KINDS = frozenset({"application/json", "application/*", "text/event-stream", "text/*", "*/*"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What one kind of socket asks of every request."""

    routes: Routes
    hosts: frozenset[str] | None = None
    """What `Host` must be, one of them; None: anything."""
    token: Secret | None = None
    may_be_proxied: bool = False

    def admit(self, head: Head) -> tuple[Route, dict[str, str]]:
        """Return the route for a request, with the parts of its path that have names there.

        Raises:
            Refused, Unauthorized: it goes no further, and neither does its connection.
        """
        self._check_origin(head)
        found = self.routes.find(head)
        is_open = isinstance(found, tuple) and found[0].is_open
        if self.token is not None and not is_open:
            _check_token(head, self.token)
        if isinstance(found, Refused):
            raise found
        _check_body(head)
        return found

    def _check_origin(self, head: Head) -> None:
        fields = head.fields
        if self.may_be_proxied:
            return
        is_proxied = not _OF_PROXIES.isdisjoint(fields) or any(name.startswith(_OF_PROXIES_BEGINS) for name in fields)
        # nginx speaks HTTP/1.0 to what is behind it where nobody has told it otherwise.
        is_proxied_by_unix = self.hosts is None and (head.is_old or not _NEVER_BY_UNIX.isdisjoint(fields))
        if is_proxied or is_proxied_by_unix:
            raise _forbidden("A request of a proxy or a web page is not served here.")
        if self.hosts is None:
            return
        if fields["host"].lower() not in self.hosts:
            raise _forbidden(f"`Host` must be {' or '.join(sorted(self.hosts))}.")
        is_of_page = not _OF_BROWSERS.isdisjoint(fields) or (fields.get("sec-fetch-site", "none").lower() != "none")
        referer = fields.get("referer")
        if is_of_page or (referer is not None and _host_of(referer) not in self.hosts):
            raise _forbidden("A request of a web page is not served here.")


def _check_token(head: Head, token: Secret) -> None:
    given = bearer_token(head)
    if given is None or not token.matches(given):
        what = "has none" if given is None else "has a wrong one"
        raise Unauthorized(f"On TCP a request needs `Authorization: Bearer` with the token; this one {what}.")


def _check_body(head: Head) -> None:
    """A body is JSON: so no form of a web page, which needs no leave to be sent, can be one."""
    has_body = head.length is None or head.length > 0
    if head.method != "POST":
        if has_body:
            raise Refused(f"{head.method} has no body here.", code=Code.BAD_MESSAGE)
        return
    kind = head.fields.get("content-type", "").replace(" ", "").lower()
    if kind not in _JSON_KINDS and (has_body or kind):
        raise Refused("`Content-Type` must be application/json.", code=Code.BAD_MESSAGE, status=415)
    accepted = {part.partition(";")[0].strip().lower() for part in head.fields.get("accept", "*/*").split(",")}
    if not accepted & _ANSWER_KINDS:
        message = "The answer is application/json or text/event-stream: `Accept` takes neither."
        raise Refused(message, code=Code.UNSUPPORTED, status=406)


def _host_of(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return rest.partition("/")[0].lower() if scheme == "http" else ""


def _forbidden(message: str) -> Refused:
    return Refused(message, code=Code.FORBIDDEN)
