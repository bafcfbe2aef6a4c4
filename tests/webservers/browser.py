"""A browser, as far as a web server can tell: forms, a cookie, and server-sent events that are read as they come."""

import http.client
import json
import time
import urllib.parse
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

PATIENCE_SECONDS = 90.0

COOKIE = "MoodleSession=secretsession"
SESSKEY = "secretsesskey"


@dataclass(frozen=True, slots=True)
class Came:
    """One event of a stream."""

    name: str
    data: dict[str, object]
    id: str | None
    at: float
    """When it was read, by the machine's monotonic clock."""


class Page:
    """One response. A context manager; to leave it is to close the tab."""

    def __init__(
        self,
        port: int,
        method: str,
        path: str,
        *,
        form: Mapping[str, str] | None = None,
        fields: Mapping[str, str] = {},
    ) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        body = None if form is None else urllib.parse.urlencode({"sesskey": SESSKEY, **form})
        kind = {} if form is None else {"Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request(method, path, body, {"Cookie": COOKIE, "Accept-Encoding": "gzip", **kind, **fields})
        self._response = self._connection.getresponse()
        self.status = self._response.status
        self.comments: list[float] = []
        """When the comments among the events came: signs of life."""
        self.fields = {name.lower(): value for name, value in self._response.getheaders()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._response.close()
        self._connection.close()

    def text(self) -> str:
        """Return all of it."""
        return b"".join(self._chunks()).decode()

    def events(self) -> Iterator[Came]:
        """Give each event as it comes, until the end."""
        pending = b""
        for chunk in self._chunks():
            at = time.monotonic()
            *whole, pending = (pending + chunk).split(b"\n\n")
            for text in whole:
                lines = [line for line in text.decode().split("\n") if not line.startswith(":")]
                if lines:
                    fields = dict(line.split(": ", 1) for line in lines)
                    yield Came(fields["event"], json.loads(fields["data"]), fields.get("id"), at)
                else:
                    self.comments.append(at)

    def _chunks(self) -> Iterator[bytes]:
        """Give what comes as it comes, uncompressed."""
        is_gzip = self.fields.get("content-encoding") == "gzip"
        unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        while chunk := self._response.read1(65536):
            yield unzip.decompress(chunk) if is_gzip else chunk


class Browser:
    """A student at a site: `port` is the web server's."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str, **fields: str) -> Page:
        return Page(self.port, "GET", path, fields={name.replace("_", "-"): value for name, value in fields.items()})

    def post(self, path: str, form: Mapping[str, str], fields: Mapping[str, str] = {}) -> Page:
        return Page(self.port, "POST", path, form=form, fields=fields)

    def stream(self, path: str, form: Mapping[str, str], fields: Mapping[str, str] = {}) -> Page:
        """Send a form and return the stream that comes of it: behind nginx at once, behind Apache from its address."""
        page = self.post(path, form, fields)
        if page.status != 200 or not page.fields["content-type"].startswith("application/json"):
            return page
        with page:
            address = str(json.loads(page.text())["stream"])
        return Page(self.port, "GET", address, fields=fields)
