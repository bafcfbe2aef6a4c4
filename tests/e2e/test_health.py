"""`health`: 0 for a sidecar that answers, 1 and a reason for everything else."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from protocol.framing import encode_frame
from tests.e2e.conftest import Launch, Serve
from tests.e2e.program import MAIN
from tests.e2e.terminal import read_to_end


def health(launch: Launch, *options: str, **settings: str) -> tuple[int, str, str]:
    program = launch(*MAIN, "health", *options, settings=settings, stdout=subprocess.PIPE)
    said = read_to_end(program.stdout).decode()
    return program.wait(), said, program.said


@pytest.fixture
def socket_path(tmp_path: Path) -> Path:
    return tmp_path / "sidecar.sock"


@pytest.fixture
def listener(socket_path: Path) -> Iterator[socket.socket]:
    """Somebody who may or may not be a sidecar."""
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(socket_path))
        listener.listen(1)
        yield listener


def test_a_sidecar_that_answers_is_healthy(launch: Launch, serve: Serve) -> None:
    path = str(serve().socket_path)
    said = (0, "version 0.1.0, provider demo, ready\n", "")
    assert health(launch, SIDECAR_SOCKET=path) == said
    assert health(launch, "--ready", SIDECAR_SOCKET=path) == said


def test_without_a_provider_it_answers_but_is_not_ready(launch: Launch, serve: Serve) -> None:
    path = str(serve(SIDECAR_PROVIDER="").socket_path)
    said = "version 0.1.0, provider none, not ready\n"
    assert health(launch, SIDECAR_SOCKET=path) == (0, said, "")
    assert health(launch, "--ready", SIDECAR_SOCKET=path) == (1, "", f"openai-moodle-sidecar: {said}")


def test_it_needs_no_key(launch: Launch, serve: Serve, tmp_path: Path) -> None:
    path = str(serve().socket_path)
    files = {"OPENAI_API_KEY_FILE": str(tmp_path / "none"), "SIDECAR_FALLBACKS": str(tmp_path / "none.env")}
    assert health(launch, SIDECAR_SOCKET=path, **files)[0] == 0


def test_nobody_there_is_unhealthy(launch: Launch, socket_path: Path) -> None:
    said = f"openai-moodle-sidecar: {socket_path}: No such file or directory.\n"
    assert health(launch, SIDECAR_SOCKET=str(socket_path)) == (1, "", said)


def test_a_socket_that_is_off_and_a_wrong_setting_are_unhealthy(launch: Launch) -> None:
    off = health(launch, SIDECAR_SOCKET="off")
    assert off == (1, "", "openai-moodle-sidecar: SIDECAR_SOCKET is off: there is no socket to ask at.\n")
    wrong = health(launch, SIDECAR_SOCKER="/run/sidecar.sock")
    assert wrong == (1, "", "openai-moodle-sidecar: There is no setting SIDECAR_SOCKER; did you mean SIDECAR_SOCKET?\n")


@pytest.mark.parametrize("said", [b"SSH-2.0-x\r\n", encode_frame(b'{"event":"done","id":"health"}'), b""])
def test_what_speaks_otherwise_is_unhealthy(
    launch: Launch, listener: socket.socket, socket_path: Path, said: bytes
) -> None:
    program = launch(*MAIN, "health", settings={"SIDECAR_SOCKET": str(socket_path)})
    connection, _ = listener.accept()
    with connection:
        connection.recv(1024)
        connection.sendall(said)
    assert program.wait() == 1
    what = "what answers there does not speak this protocol" if said else "the sidecar closed the connection"
    assert program.said == f"openai-moodle-sidecar: {socket_path}: {what}.\n"


def test_a_refusal_is_unhealthy_and_repeated(launch: Launch, listener: socket.socket, socket_path: Path) -> None:
    program = launch(*MAIN, "health", settings={"SIDECAR_SOCKET": str(socket_path)})
    connection, _ = listener.accept()
    with connection:
        connection.recv(1024)
        connection.sendall(encode_frame(b'{"event":"error","id":null,"code":"forbidden","message":"Not for you."}'))
    assert program.wait() == 1
    assert program.said == f"openai-moodle-sidecar: {socket_path}: Not for you.\n"


def test_one_that_hangs_is_unhealthy_after_three_seconds(
    launch: Launch, listener: socket.socket, socket_path: Path
) -> None:
    said = f"openai-moodle-sidecar: {socket_path}: no answer within 3 s.\n"
    assert health(launch, SIDECAR_SOCKET=str(socket_path)) == (1, "", said)
