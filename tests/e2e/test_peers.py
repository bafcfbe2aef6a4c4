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

PING = '{"action":"ping","id":"1"}\n'
TICKET = "GET /replies/t_none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

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
    connection.sendall(sys.argv[4].encode())
    if sys.argv[4].startswith("{"):
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


def ask_as(user: int, path: Path, *, group: int = 0, question: str = PING) -> bytes:
    command = [sys.executable, "-c", ASK, str(path), str(user), str(group), question]
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


def test_the_web_servers_socket_is_for_its_own_group_and_the_other_is_not(serve: Serve, open_folder: Path) -> None:
    group = os.getegid() if os.geteuid() else GROUP
    program = serve(
        SIDECAR_SOCKET=str(open_folder / "sidecar.sock"),
        SIDECAR_SOCKET_MODE="0666",
        SIDECAR_ALLOWED_UIDS=str(USER),
        SIDECAR_WEB_SOCKET_GROUP=str(group),
    )
    web = Path(program.wait_said(r"for the web server: (/.*)$")[1])
    assert (web.stat().st_mode & 0o777, web.stat().st_gid) == (0o660, group)
    assert ask_as(USER + 1, web, group=group, question=TICKET).startswith(b"HTTP/1.1 404 ")
    assert ask_as(USER + 1, web, group=group) == b""
    if not os.geteuid():
        assert b'"forbidden"' in ask_as(USER + 1, program.socket_path, group=group)
        web.chmod(0o666)
        assert ask_as(USER, web, question=TICKET).startswith(b"HTTP/1.1 403 ")
        program.wait_said(rf"WARNING web uid={USER} pid=\d+ User {USER} may not .*SIDECAR_WEB_SOCKET_GROUP")


def test_a_group_that_is_not_ours_to_give_is_named(serve: Serve) -> None:
    program = serve(SIDECAR_SOCKET_GROUP=str(GROUP))
    if os.geteuid():
        assert program.wait() == 77
        program.wait_said("SIDECAR_SOCKET_GROUP")
    else:
        with Client.unix(program.socket_path) as client:
            assert not isinstance(client.ask(Ping(id="1"))[0], Error)
