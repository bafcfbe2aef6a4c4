"""Several processes at one path: one wins, and the others are told so."""

import subprocess
import sys
from pathlib import Path

from sidecar.transports.unix import SocketFile, UnixListener

CHECKOUT = Path(__file__).parents[2]

# Forks so many that listen at the same moment, and says how many could. Nobody ends before all have tried.
RACE = """
import os, sys
from pathlib import Path
from sidecar.transports.failures import AnotherInstance
from sidecar.transports.unix import SocketFile, UnixListener

path, count = Path(sys.argv[1]), int(sys.argv[2])
go_read, go_write = os.pipe()
tried_read, tried_write = os.pipe()
end_read, end_write = os.pipe()
for _ in range(count):
    if os.fork() == 0:
        os.close(go_write), os.close(end_write)
        os.read(go_read, 1)
        won = b"0"
        try:
            listener = UnixListener(SocketFile(path=path, mode=0o660))
            won = b"1"
        except AnotherInstance:
            pass
        os.write(tried_write, won)
        os.read(end_read, 1)
        os._exit(0)
os.close(go_write)
results = b""
while len(results) < count:
    results += os.read(tried_read, count)
os.close(end_write)
print(results.count(b"1"))
"""


def run(script: str, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout.strip()


def test_of_twenty_that_start_at_once_one_wins(tmp_path: Path) -> None:
    for number in range(5):
        assert run(RACE, str(tmp_path / f"{number}.sock"), "20") == "1"


def test_of_twenty_that_replace_a_killed_one_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "sidecar.sock"
    for _ in range(5):
        assert run(RACE, str(path), "20") == "1"
        assert path.is_socket()  # the winner was not asked to tidy up


def test_another_process_is_refused_and_told_of_this_one(tmp_path: Path) -> None:
    path = tmp_path / "sidecar.sock"
    with UnixListener(SocketFile(path=path, mode=0o660)):
        assert run(RACE, str(path), "1") == "0"


def test_a_child_does_not_keep_the_path(tmp_path: Path) -> None:
    """What we have started must not hold the lock when we have ended."""
    path = tmp_path / "sidecar.sock"
    script = [sys.executable, "-c", "print('up', flush=True); input()"]
    with UnixListener(SocketFile(path=path, mode=0o660)):
        child = subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False)
        assert child.stdout is not None
        child.stdout.readline()
    with UnixListener(SocketFile(path=path, mode=0o660)):
        child.communicate(b"\n", timeout=30)
