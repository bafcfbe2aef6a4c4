"""A client of HTTP over a connection in memory: h11 takes apart what the sidecar says."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import h11
import msgspec

from sidecar.session import Peer
from tests.session.house import PEER, House

JSON = {"Content-Type": "application/json"}


@dataclass
class Response:
    """What has come of one."""

    status: int
    fields: dict[str, str]
    body: bytes = b""
    is_whole: bool = False

    def json(self) -> dict[str, object]:
        found: dict[str, object] = msgspec.json.decode(self.body)
        return found

    def events(self) -> list["ServerSentEvent"]:
        """Return the whole events that have come."""
        *whole, _ = self.body.decode().split("\n\n")
        return [_event(text) for text in whole if not text.startswith(":")]


@dataclass
class ServerSentEvent:
    name: str
    data: dict[str, object]
    id: str | None = None


def _event(text: str) -> ServerSentEvent:
    fields = dict(line.split(": ", 1) for line in text.split("\n"))
    return ServerSentEvent(fields["event"], msgspec.json.decode(fields["data"]), fields.get("id"))


def write(method: str, path: str, body: bytes = b"", fields: dict[str, str] | None = None) -> bytes:
    """Return a request; one with a body is JSON."""
    all_fields = {"Host": "localhost"} | (JSON | {"Content-Length": str(len(body))} if body else {}) | (fields or {})
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in all_fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def parse(arrived: bytes, methods: list[str]) -> list[Response]:
    """Return the responses that have come to requests by these methods, the last perhaps in part."""
    responses = []
    for method in methods:
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
        parser.send(h11.EndOfMessage())
        if not arrived:
            break
        parser.receive_data(arrived)
        response = None
        while (event := parser.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.Response):
                fields = {name.decode(): value.decode() for name, value in event.headers}
                responses.append(response := Response(event.status_code, fields))
            elif isinstance(event, h11.Data) and response is not None:
                response.body += event.data
            elif isinstance(event, h11.EndOfMessage) and response is not None:
                response.is_whole = True
                break
        if response is None or not response.is_whole:
            break
        arrived, _ = parser.trailing_data
    return responses


class Talk:
    """A connection to a house, and the responses that came on it."""

    def __init__(self, house: House, *, peer: Peer = PEER, room: float = math.inf) -> None:
        self.client = house.welcome(peer=peer, room=room)
        self._methods: list[str] = []

    @property
    def responses(self) -> list[Response]:
        return parse(bytes(self.client.stream.arrived), self._methods)

    def send(self, method: str, path: str, body: object = None, fields: dict[str, str] | None = None) -> None:
        payload = b"" if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)
        self._methods.append(method)
        self.client.stream.deliver(write(method, path, payload, fields))

    async def response(self) -> Response:
        """Wait until the response to the last request is whole, and return it."""
        return await self._until(lambda responses: responses[-1].is_whole)

    async def events(self, count: int) -> list[ServerSentEvent]:
        """Wait for so many events of the response to the last request."""
        return (await self._until(lambda responses: len(responses[-1].events()) >= count)).events()

    async def ask(self, method: str, path: str, body: object = None, fields: dict[str, str] | None = None) -> Response:
        """Send a request and return the response to it."""
        self.send(method, path, body, fields)
        return await self.response()

    async def _until(self, is_so: Callable[[list[Response]], bool]) -> Response:
        def has_come() -> bool:
            responses = self.responses
            return len(responses) == len(self._methods) and is_so(responses)

        await self.client.stream.changes.until(lambda: has_come() or self.client.stream.is_finished)
        assert has_come(), bytes(self.client.stream.arrived)
        return self.responses[-1]
