"""Beside a supervisor, as systemd is one: it hears when the program serves, reloads and ends, and that it lives."""

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from signal import SIGCONT, SIGHUP, SIGSTOP

import pytest

from protocol.messages import Start
from tests.e2e.client import Client, stream
from tests.e2e.conftest import BACKENDS, Serve
from tests.e2e.program import MAIN, PATIENCE_SECONDS, environment


class Listening:
    """The supervisor's ear."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(PATIENCE_SECONDS)

    def wait(self, wanted: str) -> str:
        """Return the first that comes from now on with such a line."""
        while re.search(wanted, said := self._socket.recv(4096).decode(), re.MULTILINE) is None:
            pass
        return said

    def forget(self) -> None:
        """Drop what has come so far."""
        self._socket.setblocking(False)
        try:
            while self._socket.recv(4096):
                pass
        except BlockingIOError:
            self._socket.settimeout(PATIENCE_SECONDS)

    def is_quiet_for(self, seconds: float) -> bool:
        self._socket.settimeout(seconds)
        try:
            self._socket.recv(4096)
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(PATIENCE_SECONDS)
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Listening]:
    supervisor = Listening(tmp_path / "notify")
    yield supervisor
    supervisor.close()


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_hears_the_whole_life(serve: Serve, supervisor: Listening, tmp_path: Path, backend: str) -> None:
    program = serve(backend=backend, NOTIFY_SOCKET=str(supervisor.path), WATCHDOG_USEC="200000")
    assert supervisor.wait("READY") == "READY=1\nSTATUS=answers being written: 0, provider demo ready"
    with Client.unix(tmp_path / "sidecar.sock") as client:  # at the first word: who is told so may connect at once
        client.send(stream("1", tokens=1000))
        assert isinstance(client.receive(), Start)
        assert supervisor.wait("STATUS=answers being written: 1, provider demo ready").startswith("WATCHDOG=1")
        program.signal(SIGHUP)
        assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", supervisor.wait("RELOADING"))
        assert supervisor.wait("READY").startswith("READY=1\nSTATUS=answers being written: 1,")
        program.signal()
        assert supervisor.wait("STOPPING") == "STOPPING=1\nSTATUS=draining, answers being written: 1"
        supervisor.wait("WATCHDOG")  # in the drain, too
    assert program.wait() == 0


def test_a_loop_that_hangs_is_not_alive(serve: Serve, supervisor: Listening) -> None:
    """The sign of life comes from the event loop itself. A stopped process stands for one that hangs."""
    program = serve(NOTIFY_SOCKET=str(supervisor.path), WATCHDOG_USEC="100000")
    supervisor.wait("WATCHDOG")
    program.signal(SIGSTOP)
    os.waitid(os.P_PID, program.process.pid, os.WSTOPPED | os.WNOWAIT)
    supervisor.forget()
    assert supervisor.is_quiet_for(0.3)
    program.signal(SIGCONT)
    supervisor.wait("WATCHDOG")


def test_a_child_of_php_tells_the_supervisor_of_php_nothing(supervisor: Listening) -> None:
    """On stdio: NOTIFY_SOCKET is php-fpm's there."""
    ran = subprocess.run(
        [*MAIN, "stdio"],
        input=b'{"action":"ping","id":"1"}\n',
        env=environment(NOTIFY_SOCKET=str(supervisor.path), WATCHDOG_USEC="100000"),
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    assert b'"ready":true' in ran.stdout
    assert supervisor.is_quiet_for(0.05)
