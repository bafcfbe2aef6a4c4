"""A request that came by HTTP, once it is whole, and what its answer must look like because of that."""

from dataclasses import dataclass, field

from msgspec import UNSET

from protocol.codec import Addressee
from sidecar.dialects.http.guard import Head


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """What a route gets to understand."""

    head: Head
    parameters: dict[str, str] = field(default_factory=dict)
    """The parts of the path that the route has names for."""
    body: bytes = field(repr=False)

    @property
    def json(self) -> bytes:
        """The body without white space around it."""
        return self.body.strip(b" \t\r\n")

    @property
    def addressee(self) -> Addressee:
        """Whose answer it is where its body names nobody."""
        return Addressee(id=UNSET, wants_events=False, token=self.token)

    @property
    def token(self) -> str | None:
        return bearer_token(self.head)

    def accepts(self, kind: str) -> bool:
        """Whether the client names this kind of body among those that it accepts."""
        accepted = self.head.fields.get("accept", "")
        return any(part.partition(";")[0].strip().lower() == kind for part in accepted.split(","))


def bearer_token(head: Head) -> str | None:
    """Return the token of `Authorization: Bearer`, where there is one."""
    scheme, _, token = head.fields.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token else None
