"""Holds a socket, as systemd does, and starts one sidecar after the other on it, while others connect without a pause.

Prints, as JSON, how many connected and were answered, and what went wrong.
"""

import json
import os
import signal
import socket
import subprocess
import threading
from collections import Counter
from pathlib import Path

STARTS = 6
CROWD = 16
PING = b'{"action":"ping"}\n'

folder = Path("/run/openai-moodle-sidecar/held")
folder.mkdir(mode=0o750)
path = str(folder / "sidecar.sock")
held = socket.socket(socket.AF_UNIX)
held.bind(path)
os.chown(path, -1, 33)
os.chmod(path, 0o660)
held.listen(4096)
os.dup2(held.fileno(), 3)

seen: Counter[str] = Counter()
is_over = threading.Event()


def ask() -> str:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(30)
        try:
            sock.connect(path)
        except OSError as exc:
            return f"no connection: {exc}"
        try:
            sock.sendall(PING)
            return "answered" if sock.recv(65536) else "connected, and not answered"
        except OSError as exc:
            return f"connected, and {exc}"


def crowd() -> None:
    while not is_over.is_set():
        seen[ask()] += 1


def start() -> subprocess.Popen[bytes]:
    environment = os.environ | {"SIDECAR_SOCKET": path, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "sidecar"}
    become = "LISTEN_PID=$$ exec openai-moodle-sidecar serve"
    return subprocess.Popen(["sh", "-c", become], env=environment, pass_fds=[3], stderr=subprocess.DEVNULL)


threads = [threading.Thread(target=crowd) for _ in range(CROWD)]
for thread in threads:
    thread.start()
for _ in range(STARTS):
    process = start()
    for _ in range(100):
        assert ask() == "answered"
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
process = start()
is_over.set()
for thread in threads:
    thread.join()
process.terminate()
process.wait(15)
print(json.dumps(seen))
