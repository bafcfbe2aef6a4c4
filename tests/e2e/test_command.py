"""Which command is meant where none is given, and the options of the program that this one replaces."""

import os
import pty
import socket
import subprocess
from pathlib import Path

import pytest

from protocol import codec
from protocol.messages import Success
from tests.e2e.conftest import Launch
from tests.e2e.program import MAIN

LINE = b'{"action":"chat","content":"Hi"}\n'
KEY = "sk-canary-4ZpX1QnM"


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    return {"SIDECAR_SOCKET": str(tmp_path / "sidecar.sock"), "SIDECAR_TCP": "off"}


def test_stdin_from_nowhere_means_serve(launch: Launch, settings: dict[str, str]) -> None:
    launch(*MAIN, settings=settings).wait_said("listening on")  # stdin is /dev/null


def test_a_closed_stdin_means_serve(launch: Launch, settings: dict[str, str]) -> None:
    shell = ("sh", "-c", 'exec "$@" <&-', "sh")
    launch(*shell, *MAIN, settings=settings).wait_said("listening on")


def test_a_terminal_means_serve(launch: Launch, settings: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    launch(*MAIN, settings=settings, stdin=theirs).wait_said("listening on")
    os.close(ours)
    os.close(theirs)


def test_a_pipe_means_stdio(launch: Launch) -> None:
    program = launch(*MAIN, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert isinstance(codec.decode_reply(program.converse(LINE)), Success)
    assert program.wait() == 0
    program.wait_said("stdin is a pipe: serving the requests in it")


def test_a_socket_means_stdio(launch: Launch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        program = launch(*MAIN, stdin=theirs.fileno(), stdout=subprocess.PIPE)
        ours.sendall(LINE)
        ours.shutdown(socket.SHUT_WR)
        assert isinstance(codec.decode_reply(program.stdout.read()), Success)
    assert program.wait() == 0
    program.wait_said("stdin is a socket: serving the requests in it")


def test_a_file_means_stdio(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "requests").write_bytes(LINE)
    with open(tmp_path / "requests", "rb") as requests:
        program = launch(*MAIN, stdin=requests.fileno(), stdout=subprocess.PIPE)
    assert isinstance(codec.decode_reply(program.stdout.read()), Success)
    assert program.wait() == 0
    program.wait_said("stdin is a file: serving the requests in it")


def test_the_options_of_the_older_sidecar_are_taken(launch: Launch) -> None:
    """With these PHP starts it where TCP does not answer."""
    options = ["--api-key", KEY, "--base-url", "https://example.org/v1", "--model", "demo"]
    options += ["--max-tokens", "3", "--summarize-threshold", "100"]
    program = launch(*MAIN, *options, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    answer = codec.decode_reply(program.converse(LINE))
    assert isinstance(answer, Success)
    assert (answer.finish_reason, len(answer.data)) == ("length", 12)
    program.wait_said("--api-key is ignored")
    assert program.wait() == 0
    assert "canary" not in program.said


def test_a_wrong_value_of_an_option_is_named_by_its_setting(launch: Launch) -> None:
    program = launch(*MAIN, "--max-tokens", "many", stdin=subprocess.PIPE)
    assert program.wait() == 78
    program.wait_said("MAX_TOKENS must be a whole number")
