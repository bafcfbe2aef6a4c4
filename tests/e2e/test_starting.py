"""How `serve` begins, or says in one line why it cannot."""

import os
import socket
import stat
from pathlib import Path
from signal import SIGTERM

import pytest

from protocol.messages import Done, Ping
from tests.e2e.client import Client
from tests.e2e.conftest import Launch, Serve, serve_command
from tests.e2e.program import Program, wait_until

KEY = "sk-canary-4ZpX1QnM"


def refusal_of(program: Program) -> tuple[int, str]:
    """Return the exit status, and what was said: one line."""
    status = program.wait()
    [line] = program.said.splitlines()
    return status, line


def test_a_second_instance_is_refused_and_the_first_unharmed(serve: Serve) -> None:
    first = serve()
    with Client.unix(first.socket_path) as client:
        status, line = refusal_of(serve())
        assert status == 73
        assert f"(process {first.process.pid})" in line
        assert str(first.socket_path) in line
        assert isinstance(client.ask(Ping(id="1"))[0], Done)
    with Client.unix(first.socket_path) as another:
        assert isinstance(another.ask(Ping(id="2"))[0], Done)


def test_a_port_in_use_is_refused_and_leaves_no_socket_behind(serve: Serve, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, line = refusal_of(serve(SIDECAR_TCP=f"127.0.0.1:{port}"))

    assert status == 69
    assert f"127.0.0.1:{port} is in use" in line
    assert not (tmp_path / "sidecar.sock").exists()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SIDECAR_TCP", "0.0.0.0:8081"),
        ("SIDECAR_SOCKET_GROUP", "no-such-group"),
        ("SIDECAR_PROVIDER", "oracle"),
        ("SIDECAR_TOKEN", "two words"),
        ("SIDECAR_SOKET", "/tmp/sidecar.sock"),
        ("OPENAI_API_KEY", f"{KEY} {KEY}"),
        ("SIDECAR_ENV_FILE", "no/such/file"),
    ],
)
def test_a_wrong_setting_is_named_in_the_only_line(serve: Serve, setting: str, value: str) -> None:
    status, line = refusal_of(serve(**{setting: value}))

    assert status == 78
    assert setting in line or value in line
    assert KEY not in line


def test_nothing_to_listen_on_is_refused(serve: Serve) -> None:
    status, line = refusal_of(serve(SIDECAR_SOCKET="off", SIDECAR_TCP="off"))

    assert status == 78
    assert "SIDECAR_SOCKET and SIDECAR_TCP are both off" in line


def test_a_log_file_that_cannot_be_written_is_refused(serve: Serve, tmp_path: Path) -> None:
    status, line = refusal_of(serve(SIDECAR_LOG_FILE=str(tmp_path)))

    assert status == 73
    assert "SIDECAR_LOG_FILE" in line


def test_a_token_file_that_is_none_is_refused_and_leaves_no_socket_behind(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "token").mkdir()
    status, line = refusal_of(serve(SIDECAR_TCP_AUTH="on"))

    assert status == 73
    assert str(tmp_path / "token") in line
    assert not (tmp_path / "sidecar.sock").exists()


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_socket_has_its_mode_whatever_the_umask(launch: Launch, tmp_path: Path, umask: int) -> None:
    path = tmp_path / "sidecar.sock"
    settings = {"SIDECAR_SOCKET": str(path), "SIDECAR_TCP": "off"}
    shell = ("sh", "-c", f'umask {umask:o}; exec "$@"', "sh")
    program = launch(*shell, *serve_command(None), settings=settings)

    program.wait_said("listening on")
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_what_others_may_change_is_no_place_for_the_socket(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    status, line = refusal_of(serve(SIDECAR_SOCKET=str(tmp_path / "open" / "sidecar.sock")))

    assert status == 69
    assert "Anybody may replace files" in line


def test_settings_come_from_a_file_and_the_start_says_so(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "my.env").write_text(f"SIDECAR_SOCKET={tmp_path}/from-file.sock\nSIDECAR_TCP=off\n")

    program = launch(*serve_command(None), "--env-file", "my.env")
    program.wait_said(r"settings from my\.env$")
    assert program.socket_path == tmp_path / "from-file.sock"


def test_secrets_are_shown_nowhere(serve: Serve, tmp_path: Path) -> None:
    """Not in what it says, and not in the environment that others of the same user can read."""
    program = serve(OPENAI_API_KEY=KEY, SIDECAR_TOKEN=KEY, SIDECAR_TCP_AUTH="on", SIDECAR_LOG_LEVEL="debug")
    with Client.tcp(program.tcp_port) as client:
        client.ask(Ping(id="1", token=KEY))
    if os.geteuid():
        with pytest.raises(PermissionError):
            Path(f"/proc/{program.process.pid}/environ").read_bytes()
    program.close()
    assert "canary" not in program.said


def test_what_nobody_reads_does_not_hold_the_start(launch: Launch, tmp_path: Path) -> None:
    """As in `openai-moodle-sidecar serve 2>&1 | head -1`."""
    settings = {"SIDECAR_SOCKET": str(tmp_path / "sidecar.sock"), "SIDECAR_TCP": "off"}
    shell = ("sh", "-c", 'exec 3>&2; { "$@"; echo "ended with $?" >&3; } 2>&1 | :', "sh")
    program = launch(*shell, *serve_command(None), settings=settings)
    wait_until((tmp_path / "sidecar.sock").is_socket)
    with Client.unix(tmp_path / "sidecar.sock") as client:
        assert isinstance(client.ask(Ping(id="1"))[0], Done)
    assert not program.said
    owner = int((tmp_path / "sidecar.sock.lock").read_text())
    os.kill(owner, SIGTERM)
    program.wait_said("ended with 0")
