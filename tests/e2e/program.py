"""The program as a real process, with what it says on stderr."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from signal import SIGTERM, Signals
from typing import IO

CHECKOUT = Path(__file__).parents[2]
MAIN = (sys.executable, "-m", "sidecar")

# Nothing here takes a tenth of it on an idle machine.
PATIENCE_SECONDS = 15.0

# How Python and the event loops tell of what went wrong or was forgotten unseen.
_SIGNS_OF_A_BUG = (
    "Traceback",
    "Exception in callback",
    "never retrieved",
    "never awaited",
    "ResourceWarning",
    "by a bug",
)


def environment(**settings: str) -> dict[str, str]:
    """Return what the program needs, with `settings`; nothing else of this process' environment."""
    kept = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("COVERAGE_")}
    ours = {"PYTHONPATH": str(CHECKOUT), "PYTHONWARNINGS": "default", "SIDECAR_PROVIDER": "demo"}
    return kept | ours | settings


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does and nothing tells of."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Program:
    """A process whose stderr is read along."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: dict[str, str],
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self._said = ""
        self._has_news = threading.Condition()
        self.process = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, pass_fds=pass_fds
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def stdin(self) -> IO[bytes]:
        """Its end to write to, where it was started with a pipe."""
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """Its end to read from, where it was started with a pipe."""
        assert self.process.stdout is not None
        return self.process.stdout

    @property
    def said(self) -> str:
        """What it has said so far; all of it once it has ended."""
        with self._has_news:
            return self._said

    @property
    def socket_path(self) -> Path:
        return Path(self.wait_said(r"listening on (/.*)$")[1])

    @property
    def tcp_port(self) -> int:
        return int(self.wait_said(r"listening on TCP \S+:(\d+),")[1])

    def wait_said(self, pattern: str) -> re.Match[str]:
        """Wait until a line of stderr matches, and return the match."""
        with self._has_news:
            self._has_news.wait_for(
                lambda: self._find(pattern) or not self._listener.is_alive(), timeout=PATIENCE_SECONDS
            )
            found = self._find(pattern)
            assert found is not None, f"{pattern!r} is not in {self._said!r}"
            return found

    def converse(self, sent: bytes) -> bytes:
        """Send all to its stdin, and return all that comes from its stdout until its end."""
        with self.stdin as stdin:
            stdin.write(sent)
        came = self.stdout.read()
        print(came.decode(errors="replace"))  # where tests/canary.py looks through it
        return came

    def signal(self, number: Signals = SIGTERM) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end and return the exit status."""
        status = self.process.wait(PATIENCE_SECONDS)
        self._listener.join(PATIENCE_SECONDS)
        return status

    def end(self, number: Signals = SIGTERM) -> tuple[int, float]:
        """Signal it, and return the exit status and how many seconds the end took."""
        began = time.monotonic()
        self.signal(number)
        return self.wait(), time.monotonic() - began

    def close(self) -> None:
        """End it if it runs, and see that it has said nothing of a bug."""
        try:
            if self.process.poll() is None:
                self.signal()
            self.wait()
        finally:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    pipe.close()
        print(self.said, file=sys.stderr)  # where tests/canary.py looks through it
        assert not [sign for sign in _SIGNS_OF_A_BUG if sign in self.said], self.said

    def _find(self, pattern: str) -> re.Match[str] | None:
        return re.search(pattern, self._said, re.MULTILINE)

    def _listen(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stderr:
            for line in stderr:
                with self._has_news:
                    self._said += line.decode(errors="replace")
                    self._has_news.notify_all()
        with self._has_news:
            self._has_news.notify_all()
