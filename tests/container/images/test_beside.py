"""The sidecar in a container of its own, beside Moodle's: they share the sockets, and nothing else."""

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.container.images.conftest import KEY, PROVIDER_SETTINGS, SIDECAR_USER, Moodle, Run
from tests.container.images.engine import Container
from tests.e2e.program import wait_until

SHELLS = ("/usr/bin/dash", "/usr/bin/bash")


@pytest.fixture
def sockets(tmp_path: Path) -> Path:
    return tmp_path / "sockets"


def start(run: Run, sockets: Path, **options: Any) -> Container:
    settings = options.pop("settings", {"SIDECAR_PROVIDER": "demo"})
    container = run("beside", "sidecar", "sidecar", settings=settings, volumes={"sockets": sockets}, **options)
    container.wait_for_health()
    return container


def start_moodle(run: Run, sockets: Path) -> Moodle:
    moodle = Moodle(run("beside", "moodle-alone", "moodle-base", volumes={"sockets": sockets}))
    wait_until(lambda: moodle.container.run("curl", "-s", "http://localhost/ask.php", check=False).returncode == 0)
    return moodle


def test_moodle_asks_through_the_shared_socket(run: Run, sockets: Path) -> None:
    start(run, sockets)
    moodle = start_moodle(run, sockets)
    for action in ("chat", "summarize", "analyze"):
        assert moodle.ask(via="unix", action=action)["text"].startswith("[Demo without a language model]")
    assert moodle.get("stream.php").splitlines()[-1] == "end: done"


def test_it_needs_no_shell_and_writes_nothing_but_sockets(run: Run, sockets: Path) -> None:
    container = start(run, sockets, hidden=SHELLS)
    assert container.health() == 0
    assert {path.name for path in sockets.iterdir()} == {
        *("sidecar.sock", "sidecar.sock.lock", "web.sock", "web.sock.lock")
    }
    status = Path(f"/proc/{container.pid}/status").read_text()
    assert re.search(rf"^Uid:\t{SIDECAR_USER}\t{SIDECAR_USER}\t", status, re.MULTILINE)
    assert re.search(r"^NSpid:.*\t1$", status, re.MULTILINE), "PID 1"
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
    assert container.stop()[1] == 0


def test_there_is_nothing_in_the_image_that_it_does_not_need(run: Run, sockets: Path) -> None:
    container = start(run, sockets)
    packages = container.run("find", "/opt/openai-moodle-sidecar/lib", "-name", "*.dist-info").stdout
    names = {line.rpartition("/")[2].partition("-")[0] for line in packages.splitlines()}
    assert "msgspec" in names
    assert not names & {"pip", "setuptools", "wheel", "pytest"}
    assert container.run("find", "/opt", "-name", "*.pth", "-o", "-name", "sitecustomize*").stdout == ""
    writable = container.run("find", "/", "-xdev", "-writable", "-not", "-type", "l", user=SIDECAR_USER, check=False)
    places = {line for line in writable.stdout.splitlines() if not line.startswith(("/proc", "/dev"))}
    assert places <= {
        "/tmp",
        "/var/tmp",
        "/run/lock",
        *container.run("find", "/run/openai-moodle-sidecar").stdout.split(),
    }


def test_its_limits_suffice_for_two_hundred_readers(run: Run, sockets: Path) -> None:
    container = start(run, sockets)
    script = Path(__file__).with_name("crowd.py").read_text()
    ends = container.run("python3", "-c", script, "/run/openai-moodle-sidecar/sidecar.sock").stdout
    assert json.loads(ends) == {"stop": 200}
    assert container.health() == 0


def test_orphans_are_buried(run: Run, sockets: Path) -> None:
    container = start(run, sockets)
    container.run("sh", "-c", "(sh -c 'exit 3' &) ; exit")
    inside = "cat /proc/[0-9]*/stat"
    wait_until(lambda: " Z " not in container.run("sh", "-c", inside, check=False).stdout)


def test_health_is_bad_where_it_hangs(run: Run, sockets: Path) -> None:
    container = start(run, sockets)
    os.kill(container.pid, signal.SIGSTOP)
    assert container.health() == 1
    os.kill(container.pid, signal.SIGCONT)
    assert container.health() == 0


def test_it_stops_in_time_and_tells_its_streams(run: Run, sockets: Path) -> None:
    container = start(run, sockets, settings=PROVIDER_SETTINGS)
    Moodle(container).start_provider()
    moodle = start_moodle(run, sockets)
    stream = moodle.container.start("curl", "--silent", "--no-buffer", "http://localhost/stream.php")
    assert stream.stdout is not None
    assert stream.stdout.readline() == "word0 \n"
    seconds, status = container.stop()
    assert (7 < seconds < 10, status) == (True, 0)
    assert stream.stdout.read().splitlines()[-1] == "end: draining"
    assert KEY not in container.said


def test_the_next_one_takes_over_the_volume(run: Run, sockets: Path, tmp_path: Path) -> None:
    start(run, sockets).stop()
    (tmp_path / "sidecar").rename(tmp_path / "before")
    start(run, sockets)
    moodle = start_moodle(run, sockets)
    assert moodle.ask(via="unix")["text"]


def test_a_killed_one_leaves_a_socket_that_the_next_one_replaces(run: Run, sockets: Path, tmp_path: Path) -> None:
    start(run, sockets).close()
    assert (sockets / "sidecar.sock").exists()
    (tmp_path / "sidecar").rename(tmp_path / "before")
    begin = time.monotonic()
    start(run, sockets)
    assert time.monotonic() - begin < 10
