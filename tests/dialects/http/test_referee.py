"""nginx as the referee: what our guard lets in, a real nginx takes as well. The other way round it need not be."""

import random
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec import UNSET

from protocol.codec import Addressee
from protocol.messages import Ping
from sidecar.dialects.http.access import Door
from sidecar.dialects.http.forms import Fixed
from sidecar.dialects.http.guard import Head
from sidecar.dialects.http.reader import RequestReader
from sidecar.dialects.http.request import HttpRequest
from sidecar.dialects.http.routing import Route, Routes
from sidecar.session import Incoming, NoMore
from tests.protocol.vectors import BadHttp, GoodHttp, expand, load
from tests.webservers.rig import running

_SITE = """
server {
    listen 127.0.0.1:%d;
    client_max_body_size 8m;
    # A body is read to its end before anybody is asked: so its framing is judged as well.
    location / { proxy_pass http://unix:%s; proxy_http_version 1.1; }
}
"""

_OK = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


def _say_yes(listener: socket.socket) -> None:
    """Answer whatever nginx passes on."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, suppress(OSError):  # nginx may have left
            connection.recv(1 << 20)
            connection.sendall(_OK)


@pytest.fixture(scope="module")
def nginx() -> Iterator[int]:
    with running() as rig, socket.socket(socket.AF_UNIX) as listener:
        path = rig.folder / "yes.sock"
        listener.bind(str(path))
        Path(path).chmod(0o777)
        listener.listen(100)
        thread = threading.Thread(target=_say_yes, args=(listener,), daemon=True)
        thread.start()
        yield rig.nginx(lambda port: _SITE % (port, path))
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def judge(port: int, sent: bytes, responses: int) -> list[int]:
    """Return the statuses with which nginx answers; 204: it has passed a request on."""
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(sent)
        came = b""
        while len(found := re.findall(rb"^HTTP/1\.1 (\d+) (?!Continue)", came, re.MULTILINE)) < responses:
            chunk = client.recv(65536)
            if not chunk:
                break
            came += chunk
        return [int(status) for status in found]


class OpenDoor(Door):
    """Lets in whatever the guard does, so that nothing else is judged."""

    def admit(self, head: Head) -> tuple[Route, dict[str, str]]:
        return Route(head.method, head.path, _understand), {}


def _understand(_request: HttpRequest) -> Incoming:
    return Incoming(asked=Ping(), addressee=Addressee(UNSET, False), form=Fixed(b""))


def let_in(sent: bytes) -> int | None:
    """Return how many requests our guard lets in, where that is all there are; None where it refuses one."""
    reader = RequestReader(OpenDoor(routes=Routes([])), 8 * 1024 * 1024)
    reader.feed(sent)
    count = 0
    try:
        while (incoming := reader.next_payload()) is not None:
            if isinstance(incoming.asked, Exception):
                return None
            count += incoming.form.encode([]) == b""  # else it is told to go on with its body
    except NoMore:
        return count
    return None if reader.buffered_bytes else count


@pytest.mark.parametrize("vector", load("http/good.json", GoodHttp), ids=lambda vector: vector.name)
def test_what_is_good_is_good_for_nginx(vector: GoodHttp, nginx: int) -> None:
    assert judge(nginx, expand(vector.bytes), len(vector.asked)) == [204] * len(vector.asked)


_SEEDS = [
    seed
    for written in (
        *(vector.bytes for vector in load("http/good.json", GoodHttp)),
        *(vector.bytes for vector in load("http/bad.json", BadHttp)),
    )
    if len(seed := expand(written)) < 1000
]
_SPLICES = (
    *(bytes([byte]) for byte in range(256)),
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b":",
        b"%",
        b"..",
        b"//",
        b",",
        b";",
        b"Host: a\r\n",
        b"Content-Length: 5\r\n",
    ),
    *(b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"0\r\n\r\n", b"HTTP/1.0", b"[::1]", b"\x80"),
)


def mutants(count: int) -> Iterator[bytes]:
    """Give requests with a few bytes put in, taken out or put for others: the same in every run."""
    chance = random.Random(3)
    for _ in range(count):
        mutant = bytearray(chance.choice(_SEEDS))
        for _ in range(chance.choice((1, 1, 2))):
            at = chance.randrange(len(mutant))
            mutant[at : at + chance.choice((0, 0, 1, 2, 5))] = chance.choice(_SPLICES)
        yield bytes(mutant)


def test_no_mutant_is_let_in_that_nginx_refuses(nginx: int) -> None:
    candidates = [(mutant, count) for mutant in mutants(20_000) if (count := let_in(mutant))]
    assert len(candidates) > 500
    wrong = [mutant for mutant, count in candidates if judge(nginx, mutant, count) != [204] * count]
    assert wrong == []
