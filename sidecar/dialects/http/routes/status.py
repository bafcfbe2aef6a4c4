"""Whether the process lives, whether it serves, what it is, and what it has counted."""

from collections.abc import Sequence
from importlib import import_module

import anyio.to_thread
from msgspec import Struct

from protocol import codec
from protocol.messages import Answer, Done, Event, Ping
from sidecar.dialects.http.forms import Fixed
from sidecar.dialects.http.guard import Head
from sidecar.dialects.http.request import HttpRequest
from sidecar.dialects.http.responses import JSON, whole
from sidecar.service import Service
from sidecar.session import Errand, Incoming, Job, Send

_TEXT = "text/plain; charset=utf-8"


class Health(Struct, frozen=True, kw_only=True):
    """What `GET /health` says; the first two as the old system had them."""

    status: str
    service: str = "openai-moodle-sidecar"
    version: str | None
    uptime: float
    """Seconds."""
    provider: str | None
    ready: bool


class _StatusForm:
    """What the answer to a ping says, as one response."""

    heartbeat = b""

    def __init__(self, request: Head) -> None:
        self._request = request

    def encode(self, messages: Sequence[Event | Answer]) -> bytes:
        (done,) = messages
        assert isinstance(done, Done)  # noqa: S101 - a ping cannot fail
        body, kind = self._describe(done)
        is_head = self._request.method == "HEAD"
        status = 200 if done.ready else 503
        return whole(status, body, kind=kind, closes=self._request.closes, is_head=is_head)

    def _describe(self, done: Done) -> tuple[bytes, str]:
        return (b"ready\n" if done.ready else b"not ready\n"), _TEXT


class _HealthForm(_StatusForm):
    uptime_seconds = 0.0

    def _describe(self, done: Done) -> tuple[bytes, str]:
        health = Health(
            status="healthy" if done.ready else "unhealthy",
            version=done.version,
            uptime=round(self.uptime_seconds, 1),
            provider=done.provider,
            ready=bool(done.ready),
        )
        return codec.encode(health) + b"\n", JSON


class _MetricsForm:
    """A text that is there once the errand has run."""

    heartbeat = b""
    text = b""
    kind = _TEXT

    def __init__(self, request: Head) -> None:
        self._request = request

    def encode(self, _messages: Sequence[Event | Answer]) -> bytes:
        is_head = self._request.method == "HEAD"
        return whole(200, self.text, kind=self.kind, closes=self._request.closes, is_head=is_head)


def livez(request: HttpRequest) -> Incoming:
    """The process answers: that is all that is said, to everybody."""
    head = request.head
    response = whole(200, b"ok\n", kind=_TEXT, closes=head.closes, is_head=head.method == "HEAD")
    return Incoming(asked=Ping(), addressee=request.addressee, form=Fixed(response), is_open=True)


def readyz(request: HttpRequest) -> Incoming:
    """A request would be served: there is a provider with what it needs, and no end in sight."""
    return Incoming(asked=Ping(), addressee=request.addressee, form=_StatusForm(request.head))


def health(request: HttpRequest) -> Incoming:
    """The same for people, and for the clients of the old system."""
    form = _HealthForm(request.head)

    async def serve(_job: Job, service: Service, _send: Send) -> Done:
        form.uptime_seconds = service.uptime_seconds
        return service.status()

    return Incoming(asked=Errand("health", serve, is_routine=True), addressee=request.addressee, form=form)


def metrics(request: HttpRequest) -> Incoming:
    """For Prometheus."""
    form = _MetricsForm(request.head)

    async def serve(_job: Job, service: Service, _send: Send) -> Done:
        # Here, not above, and in a thread the first time: its library takes 40 ms to load.
        exposition = await anyio.to_thread.run_sync(import_module, "sidecar.observability.exposition")
        form.text, form.kind = exposition.render(service.metrics), exposition.CONTENT_TYPE
        return Done()

    return Incoming(asked=Errand("metrics", serve, is_routine=True), addressee=request.addressee, form=form)
