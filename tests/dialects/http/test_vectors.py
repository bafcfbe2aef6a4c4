"""The golden files of HTTP, fed to what reads requests."""

import random
from collections.abc import Iterator

import h11
import pytest
from msgspec import UNSET

from protocol.codec import Addressee
from protocol.errors import STATUS, ProtocolError
from protocol.messages import Ping
from sidecar.dialects.http.access import Door
from sidecar.dialects.http.forms import Fixed
from sidecar.dialects.http.reader import RequestReader
from sidecar.dialects.http.refused import Refused
from sidecar.dialects.http.request import HttpRequest
from sidecar.dialects.http.routes import ROUTES
from sidecar.dialects.http.routing import Route, Routes
from sidecar.errors import SidecarError
from sidecar.secret import Secret
from sidecar.session import Incoming, NoMore
from tests.protocol.vectors import AskedByHttp, BadHttp, GoodHttp, cases, expand, load

HOSTS = frozenset({"127.0.0.1:8081", "localhost:8081", "[::1]:8081"})
UNIX = Door(routes=ROUTES)
TCP = Door(routes=ROUTES, token=Secret("token"), hosts=HOSTS)
MAX_BYTES = 8 * 1024 * 1024


def pieces(sent: bytes, step: int) -> Iterator[bytes]:
    """Cut into pieces of so many bytes; 0: of any."""
    sizes, at = random.Random(step), 0
    while at < len(sent):
        size = step or sizes.randint(1, 100)
        yield sent[at : at + size]
        at += size


def read(door: Door, sent: bytes, step: int) -> list[Incoming]:
    """Return what comes of it; that it ends with the last is the caller's to see."""
    reader = RequestReader(door, MAX_BYTES)
    found = []
    for piece in pieces(sent, step):
        reader.feed(piece)
        try:
            while (incoming := reader.next_payload()) is not None:
                found.append(incoming)
        except NoMore:
            assert reader.buffered_bytes == 0
            break
    return found


def steps(sent: bytes) -> list[int]:
    """All at once, in any pieces and, where that is not for ever, in pieces of one byte and of two."""
    return [len(sent), 0, 1, 2] if len(sent) < 2000 else [len(sent), 4096]


def check_refused(door: Door, vector: BadHttp) -> None:
    sent = expand(vector.bytes)
    for step in steps(sent):
        found = read(door, sent, step)
        error = found[-1].asked
        assert isinstance(error, ProtocolError | SidecarError)
        status = error.status if isinstance(error, Refused) else STATUS[error.code]
        assert status == vector.status
        response = found[-1].form.encode([])
        assert response.startswith(b"HTTP/1.1 %d " % vector.status)
        assert b"\r\nConnection: close\r\n" in response
        assert b"access-control" not in response.lower()
        assert not [incoming for incoming in found[:-1] if isinstance(incoming.asked, Exception)]


@cases(BadHttp, "http/bad.json")
def test_what_is_no_good_http_is_refused_and_nothing_behind_it_is_looked_at(vector: BadHttp) -> None:
    check_refused(UNIX, vector)


@cases(BadHttp, "http/foreign.json")
def test_what_comes_from_elsewhere_gets_nothing_on_tcp(vector: BadHttp) -> None:
    check_refused(TCP, vector)


@cases(GoodHttp, "http/good.json")
def test_what_is_good_http_is_taken_however_it_is_cut(vector: GoodHttp) -> None:
    found: list[AskedByHttp] = []

    def note(request: HttpRequest) -> Incoming:
        head = request.head
        asked = AskedByHttp(method=head.method, path=head.path, body=request.body.decode(), closes=head.closes)
        found.append(asked)
        return Incoming(asked=Ping(), addressee=Addressee(UNSET, False), form=Fixed(b""))

    door = Door(routes=Routes([Route("GET", "/livez", note), Route("POST", "/chat", note)]), may_be_proxied=True)
    sent = expand(vector.bytes)
    for step in steps(sent):
        found.clear()
        assert not [incoming for incoming in read(door, sent, step) if isinstance(incoming.asked, Exception)]
        assert tuple(found) == vector.asked


def test_there_are_a_hundred_ways_to_be_refused() -> None:
    assert len(load("http/bad.json", BadHttp)) >= 100
    assert len(load("http/foreign.json", BadHttp)) >= 20


def test_what_h11_would_not_take_is_refused_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise h11.RemoteProtocolError("never seen: the guard lets in less than h11 takes")

    monkeypatch.setattr(h11.Connection, "next_event", refuse)
    reader = RequestReader(UNIX, MAX_BYTES)
    reader.feed(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    refusal = reader.next_payload()
    assert refusal is not None
    assert isinstance(refusal.asked, Refused)
    assert refusal.asked.status == 400
    reader.feed(b"GET")
    assert reader.buffered_bytes == 0
