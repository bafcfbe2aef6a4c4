"""What stands in container/systemd, judged by systemd's own programs and logrotate."""

import os
import re
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest

from protocol.messages import Chat, Done, Ping, Success
from tests.e2e.client import Client
from tests.e2e.conftest import WITHOUT_TERMINAL, Launch, serve_command
from tests.e2e.program import CHECKOUT, environment, wait_until

FOLDER = CHECKOUT / "container" / "systemd"
NAME = "openai-moodle-sidecar"
SERVICE = FOLDER / f"{NAME}.service"

# As bad as it may be, times ten.
WORST_EXPOSURE = 15


def run(*command: str | Path, status: int = 0) -> str:
    """Run a command, and return what it says."""
    ran = subprocess.run(command, stdout=PIPE, stderr=STDOUT, timeout=60, text=True, check=False)
    assert ran.returncode == status, ran.stdout
    return ran.stdout


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with a program that is there."""
    for unit in FOLDER.glob(f"{NAME}*.*"):
        text = unit.read_text().replace(f"/opt/{NAME}/current/bin/{NAME}", shutil.which("true") or "")
        (tmp_path / unit.name).write_text(text)
    return tmp_path


def test_systemd_has_nothing_to_say_against_the_units(units: Path) -> None:
    assert run("systemd-analyze", "verify", "--man=no", *sorted(units.iterdir())) == ""


def test_the_service_is_shut_off_from_nearly_everything() -> None:
    run("systemd-analyze", "security", "--offline=yes", f"--threshold={WORST_EXPOSURE}", SERVICE)


def test_each_socket_is_called_as_the_program_knows_it() -> None:
    names = [re.findall(r"^FileDescriptorName=(.*)$", unit.read_text(), re.M) for unit in FOLDER.glob("*.socket")]
    assert sorted(names) == [["sidecar"], ["tcp"], ["web"]]


@pytest.fixture
def reserved_port() -> Iterator[int]:
    """One that nobody gets who takes any; systemd may, since we do not listen and both reuse addresses."""
    with socket.socket() as reserving:
        reserving.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserving.bind(("127.0.0.1", 0))
        yield reserving.getsockname()[1]


def test_systemd_hands_the_sockets_over(launch: Launch, tmp_path: Path, reserved_port: int) -> None:
    """Its own systemd-socket-activate, which listens, and becomes the service with the first connection."""
    port = reserved_port
    sockets = [str(tmp_path / "sidecar.sock"), str(tmp_path / "web.sock"), f"127.0.0.1:{port}"]
    listening = [f"--listen={address}" for address in sockets]
    env = environment(SIDECAR_TOKEN="token-canary-7Hq2", NOTIFY_SOCKET="")
    kept = [f"--setenv={name}={value}" for name, value in env.items()]
    command = ["systemd-socket-activate", *listening, "--fdname=sidecar:web:tcp", *kept, *serve_command(None)]
    program = launch(*command)
    program.wait_said(rf"Listening on 127.0.0.1:{port} as 5")
    for path in sockets[:2]:
        Path(path).chmod(0o660)  # what SocketMode= does in a unit
    with Client.unix(tmp_path / "sidecar.sock") as client:
        assert isinstance(client.ask(Chat(id="1", content="Hi"))[0], Success)
    program.wait_said("inherited, so that a restart loses no connection: sidecar, web, tcp")
    with Client.tcp(port) as client:
        assert isinstance(client.ask(Ping(id="1", token="token-canary-7Hq2"))[0], Done)


def test_the_user_and_the_directories_are_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "group").write_text("root:x:0:\nwww-data:x:33:\n")
    (tmp_path / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    run("systemd-sysusers", f"--root={tmp_path}", FOLDER / "sysusers.conf")
    user = next(line for line in (tmp_path / "etc" / "passwd").read_text().splitlines() if line.startswith(NAME))
    assert user.endswith("/usr/sbin/nologin")
    assert f"www-data:x:33:{NAME}" in (tmp_path / "etc" / "group").read_text().splitlines()

    settings = tmp_path / "etc" / NAME
    settings.mkdir()
    for file in (".env", "openai_api_key"):
        (settings / file).write_text("")
        (settings / file).chmod(0o644)
    run("systemd-tmpfiles", f"--root={tmp_path}", "--create", FOLDER / "tmpfiles.conf")
    assert stat.S_IMODE((settings / ".env").stat().st_mode) == 0o640
    assert (settings / ".env").stat().st_gid == int(user.split(":")[3])
    assert stat.S_IMODE((settings / "openai_api_key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "run" / NAME).stat().st_mode) == 0o755


def test_logrotate_loses_no_line(launch: Launch, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "sidecar.log"
    log.parent.mkdir(mode=0o750)
    settings = {"SIDECAR_SOCKET": str(tmp_path / "s.sock"), "SIDECAR_TCP": "off", "SIDECAR_LOG_FILE": str(log)}
    program = launch(*WITHOUT_TERMINAL, *serve_command(None), settings=settings)
    program.wait_said("listening on")
    rules = (FOLDER / "logrotate.conf").read_text().replace(f"/var/log/{NAME}", str(log.parent))
    rules = re.sub(r"systemctl kill .*", f"kill -HUP {program.process.pid}", rules)
    rules = re.sub(rf"(su|create 0640) {NAME} {NAME}", rf"\1 {os.geteuid()} {os.getegid()}", rules)
    (tmp_path / "rules").write_text(re.sub(r"^ *su .*$", "", rules, flags=re.M))
    for number in range(3):
        with Client.unix(tmp_path / "s.sock") as client:
            client.ask(Chat(id=f"before-{number}", content="Hi"))
            wait_until(lambda number=number: f"id=before-{number}" in log.read_text())  # type: ignore[misc]
            run("logrotate", "--force", "--state", tmp_path / "state", tmp_path / "rules")
            wait_until(lambda: log.exists() and "reloaded" in log.read_text())
    rest = "".join(path.read_text() for path in log.parent.glob("sidecar.log.1"))
    assert "id=before-2" in rest
    assert stat.S_IMODE(log.stat().st_mode) == 0o640
    assert len(list(log.parent.iterdir())) == 4
