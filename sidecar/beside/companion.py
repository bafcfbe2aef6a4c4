"""The sidecar beside the container's program: started, started again whenever it ends, and ended in time."""

import os
import re
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from sidecar.beside.installation import Installation, Refused, User
from sidecar.beside.log_file import LogFile
from sidecar.beside.spawning import spawn

_COMMAND = ["openai-moodle-sidecar", "serve"]

# As the sidecar has it where nothing else is said: a container is killed after 10 s.
_DRAIN_SECONDS = 8.0
# Its last words, and a moment.
_LAST_SECONDS = 1.5

# From an end to the next start: none, then 1, 3, 7 s and so on. Who has lived so long begins anew.
_LONGEST_PAUSE_SECONDS = 60
_STABLE_SECONDS = 60

_LOOK_AT_LOG_SECONDS = 10.0


class Companion:
    """The sidecar's process, of which there is one at a time, or none."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._installation = Installation(environment)
        log = environment.get("SIDECAR_LOG_FILE", "").strip()
        # From where the sidecar is, which opens the same one.
        self._log = LogFile(Path("/", log)) if log else None
        self._end_seconds = _drain_seconds(environment) + _LAST_SECONDS
        self._pid: int | None = None
        self._started = 0.0
        self._ends_in_a_row = 0
        self._start_at: float | None = None
        self._end_by: float | None = None

    def environment_of_php(self) -> dict[str, str]:
        return self._installation.environment_of_php

    def start(self) -> None:
        """Start it; where it cannot be, say why, and try again later: what is wrong may be mended meanwhile."""
        self._start_at = None
        self._started = time.monotonic()
        log: int | None = None
        try:
            user, php = self._installation.prepare()
            log = None if self._log is None else self._log.open(user.uid)
            self._pid = spawn(_COMMAND, self._installation.environment, lambda: _become(user, php, log))
        except Exception as exc:  # noqa: BLE001 - with us, Moodle would end
            self._pause(f"the sidecar was not started: {exc}")
        finally:
            if log is not None:
                os.close(log)

    @property
    def is_stopped(self) -> bool:
        """Whether its end has been asked for, though it may not have come yet."""
        return self._end_by is not None

    def stop(self) -> None:
        """Let it drain and end; a second time, at once."""
        self._start_at = None
        if self._end_by is None:
            self._end_by = time.monotonic() + self._end_seconds
        if self._pid is not None:
            os.kill(self._pid, signal.SIGTERM)

    def hear_of_end(self, pid: int, status: int) -> None:
        """Plan the next start, if it is the sidecar that has ended, and not by our wish."""
        if pid != self._pid:
            return
        self._pid = None
        if self._end_by is None:
            self._pause(f"the sidecar has ended {f'by signal {-status}' if status < 0 else f'with status {status}'}")

    def do_what_is_due(self) -> None:
        if self._start_at is not None and time.monotonic() >= self._start_at:
            self.start()
        if self._log is not None and self._pid is not None:
            try:
                self._log.rotate(self._installation.user().uid)
            except (OSError, Refused) as exc:
                _say(f"the log cannot be rotated: {exc}")

    def seconds_until_due(self) -> float:
        until_start = _LOOK_AT_LOG_SECONDS if self._start_at is None else self._start_at - time.monotonic()
        return max(0.0, min(_LOOK_AT_LOG_SECONDS, until_start))

    def seconds_to_end(self) -> float:
        """Return for how long its end is to be waited for."""
        return 0.0 if self._pid is None or self._end_by is None else self._end_by - time.monotonic()

    def _pause(self, why: str) -> None:
        if time.monotonic() - self._started >= _STABLE_SECONDS:
            self._ends_in_a_row = 0
        seconds = min(_LONGEST_PAUSE_SECONDS, 2**self._ends_in_a_row - 1)
        self._ends_in_a_row = min(self._ends_in_a_row + 1, 6)
        self._start_at = time.monotonic() + seconds
        self._report(f"{why}; next start {f'in {seconds} s' if seconds else 'now'}")

    def _report(self, line: str) -> None:
        """Say it in the sidecar's log, where administrators look, and in the engine's."""
        if self._log is not None:
            with suppress(OSError, Refused), open(self._log.open(self._installation.user().uid), "wb") as log:
                log.write(_line(line))
        _say(line)


def _drain_seconds(environment: Mapping[str, str]) -> float:
    """Return for how long the sidecar drains; what it cannot read it does not start by."""
    text = environment.get("SIDECAR_DRAIN_SECONDS", "").strip()
    return float(text) if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,15})?", text) else _DRAIN_SECONDS


def _become(user: User, php_gid: int, log: int | None) -> None:
    """Turn the new process into what the sidecar is to be."""
    os.setsid()  # Ctrl-C in a terminal is for us, who pass it on
    os.chdir("/")  # a .env in Moodle's folder is not for it
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    if log is not None:
        os.dup2(log, 1)
        os.dup2(log, 2)
    if user.uid != os.geteuid():
        os.setgroups([user.gid, php_gid])
        os.setresgid(user.gid, user.gid, user.gid)
        os.setresuid(user.uid, user.uid, user.uid)


def _line(text: str) -> bytes:
    return f"openai-moodle-sidecar: {text}\n".encode(errors="replace")


def _say(text: str) -> None:
    with suppress(OSError):  # nobody may listen
        os.write(2, _line(text))
