"""What the program says, to whom, and that nobody has to listen."""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol import codec
from protocol.framing import encode_line
from protocol.messages import Chat, Ping, Success
from tests.e2e.client import Client, plain_text, stream, text_of
from tests.e2e.conftest import BACKENDS, Launch, Serve, serve_command, usual_settings
from tests.e2e.program import MAIN

PROMPT = "canary-prompt-7dK2"


@pytest.fixture
def unread_pipe() -> Iterator[tuple[int, int]]:
    """A pipe of the smallest size: its reading end, which nobody reads, and its writing end."""
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    yield read_end, write_end
    os.close(read_end)
    os.close(write_end)


def test_a_full_log_holds_no_stream(launch: Launch, tmp_path: Path, unread_pipe: tuple[int, int]) -> None:
    read_end, write_end = unread_pipe
    shell = ("bash", "-c", f'exec "$@" 2>&{write_end}', "bash")
    path = tmp_path / "sidecar.sock"
    program = launch(*shell, *serve_command(None), settings=usual_settings(tmp_path), pass_fds=[write_end])
    said = b""
    while b"socat" not in said and b"python3 -c" not in said:
        said += os.read(read_end, 4096)

    with Client.unix(path) as client:
        expected = plain_text(client)
        for number in range(60):  # each is a line of more than 70 bytes
            client.ask(Chat(id=str(number), content="Hi", max_tokens=1))
        client.send(stream("s"))
        assert text_of(client.receive_end()) == expected
    status, seconds = program.end()
    assert status == 0
    assert seconds < 2


def test_stdio_needs_nobody_to_read_its_stderr(launch: Launch, unread_pipe: tuple[int, int]) -> None:
    """As with PHP's proc_open, where only stdout is read."""
    _, write_end = unread_pipe
    os.write(write_end, bytes(4096))
    shell = ("bash", "-c", f'exec "$@" 2>&{write_end}', "bash")
    child = launch(*shell, *MAIN, "stdio", stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[write_end])
    received = child.converse(encode_line(codec.encode(Chat(content="Hi"))) * 10)
    assert received.count(b'"success":true') == 10
    assert child.wait() == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_python_in_development_mode_has_nothing_to_complain_of(serve: Serve, backend: str) -> None:
    program = serve(backend=backend, PYTHONDEVMODE="1", PYTHONWARNINGS="error")
    with Client.unix(program.socket_path) as client, Client.tcp(program.tcp_port, "lines") as another:
        assert text_of(client.ask(stream("1"))) == plain_text(another)
        client.send(stream("2", tokens=100))
        client.receive()
        client.socket.close()
        another.send(stream("3"))
    assert program.end()[0] == 0
    assert "Warning" not in program.said


def test_stdio_in_development_mode_has_nothing_to_complain_of(launch: Launch) -> None:
    strict = {"PYTHONDEVMODE": "1", "PYTHONWARNINGS": "error"}
    child = launch(*MAIN, "stdio", settings=strict, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.converse(encode_line(codec.encode(stream("1")))).endswith(b"}\n")
    assert child.wait() == 0
    assert "Warning" not in child.said


def test_a_prompt_and_its_reply_are_never_logged(serve: Serve) -> None:
    program = serve(SIDECAR_LOG_LEVEL="debug")
    with Client.unix(program.socket_path, "lines") as client:
        [answer] = client.ask(Chat(id="1", content=PROMPT))
        assert isinstance(answer, Success)
        assert PROMPT in answer.data
        client.socket.sendall(f'{{"action":"chat","contents":"{PROMPT}"}}\n{PROMPT}\n'.encode())
        client.receive()
        client.receive()
        client.ask(Ping(id="2"))
    program.wait_said("request done action=chat id=1 ms=")
    program.close()
    assert "canary" not in program.said


def test_the_log_goes_to_its_file(serve: Serve, tmp_path: Path) -> None:
    program = serve(SIDECAR_LOG_FILE=str(tmp_path / "log"))
    with Client.unix(program.socket_path) as client:
        client.ask(Chat(id="1", content="Hi"))
    program.close()
    assert "request done action=chat id=1" in (tmp_path / "log").read_text()
    assert "request done" not in program.said
