"""What nginx and Apache pass on to the web server's socket, byte by byte: nothing of the browser's that is a secret."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.webservers import rig
from tests.webservers.browser import COOKIE, SESSKEY, Browser
from tests.webservers.rig import Rig
from tests.webservers.sites import start_site

SECRETS = (COOKIE.split("=")[1], SESSKEY, "my secret question", "secretbasic", "secretpage")
FORM = {"prompt": "my secret question"}
FIELDS = {
    "Last-Event-ID": "7",
    "Authorization": "Basic secretbasic",
    "Referer": "http://moodle.example.org/secretpage",
    "Accept": "text/event-stream",
}
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\n"
    b"X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    b"16\r\nevent: done\ndata: {}\n\n\r\n0\r\n\r\n"
)


class Listener:
    """In the place of the sidecar: keeps what comes, until the other side closes, and answers the same to all."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        self.came: list[bytes] = []

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                came = connection.recv(65536)
                connection.sendall(ANSWER)
                connection.shutdown(socket.SHUT_WR)
                while chunk := connection.recv(65536):
                    came += chunk
                self.came.append(came)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def listening(place: Rig) -> Iterator[Listener]:
    path = place.folder / "web.sock"
    listener = Listener(path)
    os.chown(path, place.user.pw_uid, place.user.pw_gid)
    thread = threading.Thread(target=listener.run)
    thread.start()
    try:
        yield listener
    finally:
        listener.close()
        thread.join(5)


def test_nginx_passes_on_the_ticket_and_the_last_event_and_nothing_else() -> None:
    with rig.running() as place, listening(place) as listener:
        browser = Browser(start_site(place, "nginx"))
        for fields in (FIELDS, {}):
            with browser.stream("/used.php", FORM, fields) as page:
                assert page.status == 200
                assert page.fields["cache-control"] == "no-cache, no-transform"
                assert page.fields["x-accel-buffering"] == "no"
                assert "content-encoding" not in page.fields
                assert [event.name for event in page.events()] == ["done"]
    with_last_event, without = listener.came
    assert with_last_event == (
        b"GET /replies/t_used HTTP/1.1\r\nLast-Event-ID: 7\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    assert without == b"GET /replies/t_used HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def test_apache_passes_on_nothing_secret() -> None:
    with rig.running() as place, listening(place) as listener:
        browser = Browser(start_site(place, "apache"))
        with browser.stream("/used.php", FORM, FIELDS) as page:
            assert page.status == 200
            assert "content-encoding" not in page.fields
            assert [event.name for event in page.events()] == ["done"]
    [came] = listener.came
    first, *lines = came.decode().split("\r\n")
    assert first == "GET /replies/t_used HTTP/1.1"
    assert lines[-2:] == ["", ""]  # no body
    names = {line.partition(":")[0].lower() for line in lines[:-2]}
    assert names == {
        "host",
        "connection",
        "last-event-id",
        "accept",
        "accept-encoding",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-server",
    }
    assert "Last-Event-ID: 7" in lines
    assert not [secret for secret in SECRETS if secret in came.decode()]
