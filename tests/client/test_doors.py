"""Where a running sidecar is looked for, and what is said where there is none."""

import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from msgspec.structs import replace

from sidecar.client import NotRunning, SidecarGone, find_doors
from sidecar.client.doors import Door, read_token, socket_door, tcp_door, token_paths
from sidecar.secret import Secret
from sidecar.settings import Settings, TcpAddress, load_settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Those of a fresh machine, whose temporary files are below `tmp_path`."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return replace(load_settings(), socket=None, runtime_dir=None, token=None, token_file=None)


async def enter(door: Door) -> None:
    with anyio.fail_after(5):
        async with door.open():
            pass


@pytest.mark.parametrize("trap", ["writable", "file", "link"])
def test_a_private_directory_of_somebody_else_is_left_alone(settings: Settings, tmp_path: Path, trap: str) -> None:
    place = tmp_path / f"openai-moodle-sidecar-{os.geteuid()}"
    if trap == "writable":
        place.mkdir()
        place.chmod(0o777)
    elif trap == "file":
        place.write_text("")
    else:
        place.symlink_to(tmp_path)
    doors = find_doors(replace(settings, tcp=None))
    assert [door.name for door in doors] == ["/run/openai-moodle-sidecar/sidecar.sock"]


def test_the_ways_are_tried_in_order(settings: Settings, tmp_path: Path) -> None:
    path, token = tmp_path / "s.sock", tmp_path / "token"
    settings = replace(settings, socket=path, tcp=TcpAddress("::1", 8081))
    assert [door.name for door in find_doors(settings)] == [str(path)]  # TCP asks for a token that is not there
    assert [door.name for door in find_doors(replace(settings, tcp_auth=False))] == [str(path), "[::1]:8081"]
    token.write_text("the-token\n")
    assert [door.token for door in find_doors(settings)] == [None, Secret("the-token")]
    assert not list(find_doors(replace(settings, socket="off", tcp=None)))
    assert not list(find_doors(replace(settings, socket="off", tcp=TcpAddress("127.0.0.1", 0))))


def test_the_token_is_where_the_server_puts_it(settings: Settings, tmp_path: Path) -> None:
    default = [Path("/run/openai-moodle-sidecar/token")]
    assert token_paths(settings) == default
    assert token_paths(replace(settings, socket="off")) == default
    assert token_paths(replace(settings, socket=tmp_path / "s.sock")) == [tmp_path / "token"]
    assert token_paths(replace(settings, token_file=tmp_path / "t")) == [tmp_path / "t"]


@pytest.mark.parametrize("content", [None, b"", b"two words", b"\xff", b"x" * 5000])
def test_what_is_no_token_is_none(settings: Settings, tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "t").write_bytes(content)
    assert read_token(replace(settings, token_file=tmp_path / "t")) is None
    assert read_token(replace(settings, token_file=tmp_path / "t", token=Secret("given"))) == Secret("given")


async def test_a_stale_socket_and_a_missing_one_are_not_running(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "stale"))
        stale.listen()
    for name in ("stale", "missing"):
        with pytest.raises(NotRunning, match="No sidecar listens there"):
            await enter(socket_door(tmp_path / name))


async def test_a_closed_port_is_not_running() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        with pytest.raises(NotRunning):
            await enter(tcp_door(TcpAddress(*reserved.getsockname()), None))


async def test_what_stands_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SidecarGone, match="Not a directory"):
        await enter(socket_door(tmp_path / "file" / "s.sock"))
    with pytest.raises(SidecarGone, match="path too long"):
        await enter(socket_door(tmp_path / ("x" * 120)))


def unix_listener(path: Path) -> tuple[socket.socket, Door]:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path / "s"))
    listener.listen(0)
    return listener, socket_door(path / "s")


def tcp_listener(path: Path) -> tuple[socket.socket, Door]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    return listener, tcp_door(TcpAddress(*listener.getsockname()), None)


@pytest.mark.parametrize("listen", [unix_listener, tcp_listener])
async def test_a_full_queue_is_waited_for(
    tmp_path: Path, listen: Callable[[Path], tuple[socket.socket, Door]], monkeypatch: pytest.MonkeyPatch
) -> None:
    listener, door = listen(tmp_path)
    with listener:
        async with door.open():  # which fills the queue
            monkeypatch.setattr("sidecar.client.doors.CONNECT_SECONDS", 0.1)
            with pytest.raises(SidecarGone, match=r"took no connection for 0.1 s"):
                await enter(door)
            monkeypatch.undo()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(enter, door)
                await anyio.wait_all_tasks_blocked()
                accepted, _ = listener.accept()
                accepted.close()
