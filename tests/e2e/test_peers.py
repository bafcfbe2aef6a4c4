"""Who may use the Unix socket, with processes of other users where this one may start them."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol import codec
from protocol.messages import Error, Ping, Success
from tests.e2e.client import Client
from tests.e2e.conftest import Serve
from tests.e2e.program import PATIENCE_SECONDS

# Neither is in a table of users or groups.
USER, GROUP = 3_000_000_001, 3_000_000_002

# Becomes another user if it can, asks, and shows what it gets.
ASK = """
import os, socket, sys
path, user, group = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
if os.geteuid() == 0:
    os.setgroups([group] if group else [])
    os.setgid(user)
    os.setuid(user)
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(path)
    connection.sendall(b'{"action":"ping","id":"1"}\\n')
    connection.shutdown(socket.SHUT_WR)
    while chunk := connection.recv(65536):
        sys.stdout.buffer.write(chunk)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def ask_as(user: int, path: Path, *, group: int = 0) -> bytes:
    command = [sys.executable, "-c", ASK, str(path), str(user), str(group)]
    return subprocess.run(command, capture_output=True, timeout=PATIENCE_SECONDS, check=True).stdout


def is_served(answer: bytes) -> bool:
    return not isinstance(codec.decode_reply(answer), Error)


def test_another_user_is_refused_and_told_why(serve: Serve, open_folder: Path) -> None:
    program = serve(SIDECAR_SOCKET=str(open_folder / "sidecar.sock"), SIDECAR_SOCKET_MODE="0666")
    answer = ask_as(USER, program.socket_path)
    if os.geteuid():
        assert is_served(answer)  # it could not become another user, and the same one is always served
        return
    refusal = codec.decode_reply(answer)
    assert not isinstance(refusal, Success)
    assert f"User {USER} may not use this socket".encode() in answer
    assert b'"forbidden"' in answer
    program.wait_said(rf"WARNING unix uid={USER} pid=\d+ User {USER} may not use this socket; .*SIDECAR_ALLOWED_UIDS")


def test_a_listed_user_is_served(serve: Serve, open_folder: Path) -> None:
    allowed = {"SIDECAR_SOCKET_MODE": "0666", "SIDECAR_ALLOWED_UIDS": str(USER)}
    program = serve(SIDECAR_SOCKET=str(open_folder / "sidecar.sock"), **allowed)
    assert is_served(ask_as(USER, program.socket_path))
    assert is_served(ask_as(os.geteuid(), program.socket_path))


def test_the_sockets_group_is_served(serve: Serve, open_folder: Path) -> None:
    """Though its membership is known to the kernel only, as what systemd and Docker give."""
    group = os.getegid() if os.geteuid() else GROUP
    program = serve(SIDECAR_SOCKET=str(open_folder / "sidecar.sock"), SIDECAR_SOCKET_GROUP=str(group))
    assert is_served(ask_as(USER, program.socket_path, group=group))
    assert program.socket_path.stat().st_gid == group


def test_a_group_that_is_not_ours_to_give_is_named(serve: Serve) -> None:
    program = serve(SIDECAR_SOCKET_GROUP=str(GROUP))
    if os.geteuid():
        assert program.wait() == 77
        program.wait_said("SIDECAR_SOCKET_GROUP")
    else:
        with Client.unix(program.socket_path) as client:
            assert not isinstance(client.ask(Ping(id="1"))[0], Error)
