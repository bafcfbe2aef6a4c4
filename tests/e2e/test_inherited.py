"""Sockets that a parent holds: who connects while the program is replaced waits for the next one."""

import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from signal import SIGKILL
from types import TracebackType
from typing import Self

import pytest

from protocol.messages import Chat, Done, Failure, Ping, Success
from tests.e2e.client import Client, stream, text_of
from tests.e2e.conftest import BACKENDS, serve_command
from tests.e2e.parent import Parent
from tests.e2e.program import PATIENCE_SECONDS, Program, environment, wait_until

TOKEN = "token-canary-9fJ2mQ7x"
REPLACEMENTS = 3


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[Parent]:
    with Parent(tmp_path) as parent:
        yield parent


def start(parent: Parent, backend: str | None = None, **settings: str) -> Program:
    program = parent.start(serve_command(backend), env=environment(SIDECAR_TOKEN=TOKEN, **settings))
    program.wait_said(r"inherited, so that a restart loses no connection: sidecar, web, tcp")
    with Client.unix(parent.folder / "sidecar.sock") as client:  # who answers has begun to listen to signals, too
        client.ask(Ping(id="1"))
    return program


class Load:
    """Asks again and again, each time on a new connection, and notes what comes of it. A context manager."""

    def __init__(self, parent: Parent) -> None:
        self._parent = parent
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self.answered = 0
        self.failed: list[str] = []
        self._threads = [threading.Thread(target=self._run, args=[number], daemon=True) for number in range(8)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def answer_more(self, count: int) -> None:
        """Wait until so many more are answered, or one has failed."""
        wanted = self.answered + count
        wait_until(lambda: self.answered >= wanted or bool(self.failed))

    def _run(self, number: int) -> None:
        while not self._is_over.is_set():
            try:
                with self._connect(number) as client:
                    [answer] = client.ask(Chat(id="1", content="Hi", max_tokens=2, token=TOKEN))
                failure = "" if isinstance(answer, Success) else repr(answer)
            except (OSError, EOFError) as exc:
                failure = repr(exc)
            with self._lock:
                self.answered += not failure
                self.failed += [failure] if failure else []

    def _connect(self, number: int) -> Client:
        if number % 2:
            return Client.tcp(self._parent.tcp_port)
        return Client.unix(self._parent.folder / "sidecar.sock")


@pytest.mark.alone
@pytest.mark.parametrize("backend", BACKENDS)
def test_replacements_under_load_lose_no_connection_and_no_request(parent: Parent, backend: str) -> None:
    program = start(parent, backend)
    with Load(parent) as load:
        for _ in range(REPLACEMENTS):
            load.answer_more(50)
            assert program.end()[0] == 0
            program.close()
            program = start(parent, backend)
    program.close()

    assert load.failed == []
    assert load.answered >= 50 * REPLACEMENTS


def test_who_comes_in_the_drain_is_served_by_the_next_one_and_what_runs_is_finished(parent: Parent) -> None:
    with closing(start(parent)) as old, Client.unix(parent.folder / "sidecar.sock") as running:
        running.send(stream("1", tokens=40))
        begun = running.receive()
        old.signal()
        old.wait_said("draining")
        with Client.unix(parent.folder / "sidecar.sock") as waiting, Client.tcp(parent.tcp_port) as by_tcp:
            waiting.send(Chat(id="2", content="Hi"))
            by_tcp.send(Chat(id="3", content="Hi", token=TOKEN))
            assert text_of([begun, *running.receive_end()])
            running.socket.close()
            assert old.wait() == 0
            with closing(start(parent)):
                assert isinstance(waiting.receive(), Success)
                assert isinstance(by_tcp.receive(), Success)


def test_who_connected_before_the_drain_may_still_ask(parent: Parent) -> None:
    """On a connection that nobody else will ever serve. It has half a second, which a busy machine may take from it."""

    def is_answered() -> bool:
        with closing(start(parent)) as program, Client.unix(parent.folder / "sidecar.sock") as client:
            with Client.unix(parent.folder / "sidecar.sock") as next_one:  # whose answer says that the first is let in
                next_one.ask(Ping(id="1"))
            program.signal()
            program.wait_said("draining")
            with suppress(BrokenPipeError):
                client.send(Chat(id="1", content="Hi"))
            return [type(answer) for answer in client.receive_rest()] == [Success]

    assert any(is_answered() for _ in range(3))


def test_a_ticket_is_good_in_the_drain(parent: Parent) -> None:
    """It opens what this process has, and no other."""
    with closing(start(parent)) as program, Client.unix(parent.folder / "sidecar.sock") as client:
        client.send(Chat(id="1", content="Hi", stream=True, detach=True, ticket=True, max_tokens=250))
        begun = client.receive()
        assert hasattr(begun, "ticket")
        program.signal()
        program.wait_said("draining")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as browser:
            browser.settimeout(10)
            browser.connect(str(parent.folder / "web.sock"))
            browser.sendall(f"GET /replies/{begun.ticket} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert browser.recv(64 * 1024).startswith(b"HTTP/1.1 200")


def test_nothing_of_the_parents_is_removed_or_changed(parent: Parent) -> None:
    before = {path.name: os.stat(path).st_ino for path in parent.folder.iterdir()}
    for number in (None, SIGKILL):
        program = start(parent)
        if number is None:
            assert program.end()[0] == 0
        else:
            program.process.send_signal(number)
            program.wait()
        program.close()
        assert {path.name: os.stat(path).st_ino for path in parent.folder.iterdir()} == before
    assert stat.S_IMODE((parent.folder / "sidecar.sock").stat().st_mode) == 0o660


def test_what_is_not_handed_over_is_opened_by_the_settings(parent: Parent) -> None:
    command, env = serve_command(None), environment(SIDECAR_TCP="127.0.0.1:0", SIDECAR_TOKEN=TOKEN)
    (parent.folder / "web.sock").unlink()
    with closing(parent.start(command, env=env, names={"sidecar": "sidecar"})) as program:
        program.wait_said("connection: sidecar$")
        program.wait_said("for the web server: .*/web.sock")
        with Client.tcp(program.tcp_port) as client:
            assert isinstance(client.ask(Ping(id="1", token=TOKEN))[0], Done)
    assert not (parent.folder / "web.sock").exists()
    assert (parent.folder / "sidecar.sock").exists()


def test_tcp_asks_for_the_token_as_ever(parent: Parent) -> None:
    with closing(start(parent)), Client.tcp(parent.tcp_port) as client:
        client.send(Chat(id="1", content="Hi"))
        [answer] = client.receive_rest()
        assert isinstance(answer, Failure)
        assert answer.code == "unauthorized"


@pytest.mark.parametrize(
    ("names", "settings", "line"),
    [
        ({"sidecar": "sidecar", "web": "sidecar"}, {}, "Two inherited sockets are `sidecar`"),
        ({"sidecar": "tcp"}, {}, "`tcp` is a Unix socket"),
        ({"tcp": "web"}, {}, "`web` is TCP"),
        ({"sidecar": "sidecar"}, {"SIDECAR_SOCKET": "off"}, "SIDECAR_SOCKET is off"),
        ({"web": "web"}, {"SIDECAR_WEB_SOCKET": "off"}, "SIDECAR_WEB_SOCKET is off"),
        ({"tcp": "tcp"}, {"SIDECAR_TCP": "off"}, "SIDECAR_TCP is off"),
        ({"sidecar": "sidecar"}, {"SIDECAR_SOCKET_MODE": "0600"}, "mode 0660, which lets in more than 0600"),
    ],
)
def test_a_socket_that_does_not_fit_ends_the_start_in_one_line(
    parent: Parent, names: dict[str, str], settings: dict[str, str], line: str
) -> None:
    with closing(parent.start(serve_command(None), env=environment(**settings), names=names)) as program:
        assert program.wait() == 69
        assert program.said.count("\n") == 1
        assert line in program.said
