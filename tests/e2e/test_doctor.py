"""`doctor`: what is wrong is found, by name, with what to do; and what is right is not called wrong."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from sidecar.cli.checks import NAMES
from tests.e2e.conftest import Launch, Serve
from tests.e2e.doctor import PROVIDER_STEPS, Findings, examine
from tests.e2e.program import MAIN, PATIENCE_SECONDS
from tests.e2e.scripts import KEY
from tests.e2e.terminal import read_to_end


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """Settings with which no sidecar is found."""
    return {"SIDECAR_SOCKET": str(tmp_path / "none.sock"), "SIDECAR_TCP": "off"}


@pytest.fixture
def closed_port() -> Iterator[int]:
    """One that nobody listens on, and nobody else gets."""
    with closing(socket.socket()) as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def test_all_is_well_with_a_running_sidecar(launch: Launch, serve: Serve, tmp_path: Path) -> None:
    server = serve(SIDECAR_TCP_AUTH="on")
    settings = {"SIDECAR_SOCKET": str(server.socket_path), "SIDECAR_TCP": str(server.tcp_port)}
    found = examine(launch, settings)
    assert (found.exit_status, found.status) == (0, "ok")
    assert set(found.statuses(*NAMES[: NAMES.index("provider") + 1])) == {"ok"}
    assert {found[step] for step in PROVIDER_STEPS} == {("skipped", "not needed")}
    assert "mode 0660" in found["socket"][1]
    assert "may connect: root" in found["socket"][1] or os.geteuid()
    assert "provider demo, ready" in found["instance"][1]
    assert f"on 127.0.0.1:{server.tcp_port}" in found["tcp"][1]
    assert "mode 0640" in found["token"][1]
    ours = {"token", "sidecar.sock", "sidecar.sock.lock", "web.sock", "web.sock.lock"}
    assert {path.name for path in tmp_path.iterdir()} == ours


def test_the_same_as_lines(launch: Launch, alone: dict[str, str], tmp_path: Path) -> None:
    program = launch(*MAIN, "doctor", settings=alone, stdout=subprocess.PIPE)
    lines = read_to_end(program.stdout).decode().splitlines()
    assert (program.wait(), program.said) == (0, "")
    assert [line.split()[1] for line in lines if line[:1].strip()] == list(NAMES)
    assert f"warning  socket       {tmp_path}/none.sock is not there" in lines
    assert any(
        line.startswith("                      -> Start the sidecar: openai-moodle-sidecar serve, or") for line in lines
    )


def test_a_wrong_setting_ends_it_with_78(launch: Launch, alone: dict[str, str]) -> None:
    found = examine(launch, {**alone, "SIDECAR_TCP": "canary"})
    assert (found.exit_status, found.status) == (78, "failed")
    assert found["settings"][0] == "failed"
    assert "SIDECAR_TCP must be" in found["settings"][1]
    assert set(found.statuses(*NAMES[1:])) == {"skipped"}


def test_what_the_provider_lacks_is_a_wrong_setting(launch: Launch, alone: dict[str, str]) -> None:
    found = examine(launch, {**alone, "SIDECAR_PROVIDER": "openai", "OPENAI_API_KEY": KEY})
    assert found.exit_status == 78
    assert found["provider"][0] == "failed"
    assert "OPENAI_MODEL must name" in found["provider"][1]


def test_without_a_provider_it_says_which_settings_are_missing(launch: Launch, alone: dict[str, str]) -> None:
    found = examine(launch, {**alone, "SIDECAR_PROVIDER": ""})
    assert found.exit_status == 1
    assert found["provider"][0] == "failed"
    assert "Set OPENAI_API_KEY and OPENAI_MODEL" in found["provider"][1]


def test_a_sidecar_without_provider_is_not_ready(launch: Launch, serve: Serve) -> None:
    server = serve(SIDECAR_PROVIDER="")
    found = examine(launch, {"SIDECAR_SOCKET": str(server.socket_path), "SIDECAR_TCP": str(server.tcp_port)})
    assert found["instance"][0] == "failed"
    assert "provider none, not ready" in found["instance"][1]


def test_the_sidecar_may_have_other_settings(launch: Launch, serve: Serve, closed_port: int) -> None:
    server = serve(SIDECAR_SOCKET_MODE="0600")
    settings = {
        "SIDECAR_SOCKET": str(server.socket_path),
        "SIDECAR_TCP": str(closed_port),
        "SIDECAR_TCP_AUTH": "off",
        "SIDECAR_PROVIDER": "",
    }
    found = examine(launch, settings)
    assert found.exit_status == 0
    assert found["socket"][0] == "warning"
    assert "By the settings its mode is 0660. Restart the sidecar" in found["socket"][1]
    assert found["tcp"][0] == "warning"
    assert "has other settings: restart it" in found["tcp"][1]
    assert found["provider"][0] == "warning"
    assert "the sidecar that runs has demo" in found["provider"][1]


def test_tcp_without_a_token_is_a_warning(launch: Launch, serve: Serve) -> None:
    server = serve()
    settings = {"SIDECAR_SOCKET": "off", "SIDECAR_TCP": str(server.tcp_port), "SIDECAR_TCP_AUTH": "off"}
    found = examine(launch, settings)
    assert found.statuses("directory", "socket", "instance", "token") == ["skipped"] * 4
    assert found["tcp"][0] == "warning"
    assert "every web page of this machine" in found["tcp"][1]


def test_a_wrong_token_is_refused(launch: Launch, serve: Serve) -> None:
    server = serve(SIDECAR_TCP_AUTH="on", SIDECAR_TOKEN="the-right-token")
    settings = {"SIDECAR_SOCKET": "off", "SIDECAR_TCP": str(server.tcp_port), "SIDECAR_TOKEN": "canary-wrong-token"}
    found = examine(launch, settings)
    assert found.exit_status == 1
    assert found["tcp"][0] == "failed"
    assert "refuses" in found["tcp"][1]
    assert "see SIDECAR_TOKEN" in found["tcp"][1]


def test_another_program_on_the_port_is_none_of_ours(launch: Launch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(PATIENCE_SECONDS)
        port = other.getsockname()[1]
        settings = {"SIDECAR_SOCKET": "off", "SIDECAR_TCP": str(port), "SIDECAR_TOKEN": "canary-token"}
        program = launch(*MAIN, "doctor", "--json", settings=settings, stdout=subprocess.PIPE)
        guest, _ = other.accept()
        with guest:
            guest.sendall(b"220 mail.example.org ESMTP\r\n")
            found = Findings(program.wait(), msgspec.json.decode(read_to_end(program.stdout)))
    assert found.exit_status == 1
    assert found["tcp"][0] == "failed"
    assert "does not speak this protocol" in found["tcp"][1]


@pytest.mark.parametrize(
    ("name", "status_of_it", "message"),
    [
        ("socket", "failed", "is no socket"),
        ("directory", "failed", "Anybody may replace files"),
        ("log", "failed", "is a directory"),
        ("token", "failed", "holds no token"),
        ("token", "warning", "chmod 640"),
    ],
)
def test_what_is_wrong_with_files_is_found(
    launch: Launch, tmp_path: Path, name: str, status_of_it: str, message: str
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    settings = {"SIDECAR_SOCKET": str(place / "s.sock"), "SIDECAR_TCP": "1"}
    if name == "socket":
        (place / "s.sock").write_text("no socket")
    elif name == "directory":
        place.chmod(0o777)
    elif name == "log":
        settings["SIDECAR_LOG_FILE"] = str(place)
    else:
        (place / "token").write_text("canary" if status_of_it == "warning" else "canary two words")
    found = examine(launch, settings)
    assert found.exit_status == int(status_of_it == "failed")
    assert found[name][0] == status_of_it
    assert message in found[name][1]


def test_a_reader_who_leaves_ends_it_quietly(launch: Launch, alone: dict[str, str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    program = launch(*MAIN, "doctor", settings=alone, stdout=writing)
    os.close(writing)
    assert (program.wait(), program.said) == (141, "")


def test_a_full_disk_is_named(launch: Launch, alone: dict[str, str]) -> None:
    with open("/dev/full", "wb") as full:
        program = launch(*MAIN, "doctor", settings=alone, stdout=full.fileno())
    assert program.wait() == 74
    program.wait_said("the result cannot be written: No space left on device")


def test_help_says_what_the_json_is(launch: Launch) -> None:
    program = launch(*MAIN, "doctor", "--help", stdout=subprocess.PIPE)
    shown = read_to_end(program.stdout).decode()
    assert program.wait() == 0
    for name in NAMES:
        assert name in shown
