"""Which route a request takes."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from protocol.errors import Code, ProtocolError
from sidecar.dialects.http.guard import Head
from sidecar.dialects.http.refused import Refused
from sidecar.dialects.http.request import HttpRequest
from sidecar.errors import SidecarError
from sidecar.session import Incoming


@dataclass(frozen=True, slots=True)
class Route:
    """One kind of request; in `path`, `{name}` stands for a part of the path."""

    method: str
    path: str
    understand: Callable[[HttpRequest], Incoming]
    is_open: bool = False
    """Whether it is served without the token."""


class Routes:
    """A table of routes."""

    def __init__(self, routes: Iterable[Route], *, is_silent: bool = False) -> None:
        """`is_silent`: nothing is said of what else there is, and HEAD, which must change nothing, is nothing."""
        self._is_silent = is_silent
        self.all = tuple(routes)
        self._paths = [(re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path)), route) for route in self.all]

    def find(self, head: Head) -> tuple[Route, dict[str, str]] | Refused:
        """Return the route for a request with the named parts of its path, or why there is none. HEAD is as GET."""
        method = "GET" if head.method == "HEAD" and not self._is_silent else head.method
        allowed = []
        for path, route in self._paths:
            if (match := path.fullmatch(head.path)) is None:
                continue
            if route.method == method:
                return route, match.groupdict()
            allowed += [route.method, "HEAD"] if route.method == "GET" else [route.method]
        if allowed:
            message = "This path is not served by this method."
            return Refused(message, code=Code.UNSUPPORTED, status=405, allow=", ".join(allowed))
        return _nothing()

    def veiled(self, error: ProtocolError | SidecarError) -> ProtocolError | SidecarError:
        """Return what is said of a refusal: not which methods there are, where nothing is said of what there is."""
        return _nothing() if self._is_silent and isinstance(error, Refused) and error.status == 405 else error


def _nothing() -> Refused:
    return Refused("There is nothing by this path.", code=Code.NOT_FOUND)
