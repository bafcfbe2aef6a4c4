"""Programs of a site: as whom they run, and how one that serves is started and ended."""

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 60.0

# Where administrators' programs are, which the PATH of other users may lack.
ENVIRONMENT = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}


class Failed(Exception):
    """A program of the site failed; the message has what it said."""


def site_user() -> pwd.struct_passwd:
    """Return as whom all of a site runs: as root the user of web servers, who has no rights, else whoever asks."""
    return pwd.getpwnam("www-data") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def give(*paths: Path) -> None:
    """Let the site's user own these."""
    if os.geteuid() == 0:
        user = site_user()
        for path in paths:
            os.chown(path, user.pw_uid, user.pw_gid)


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    stdin: str = "",
    environment: Mapping[str, str] = {},
    as_root: bool = False,
) -> str:
    """Run a program to its end as the site's user, and return what it printed.

    Raises:
        Failed: its status was not 0.
    """
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command,
        cwd=cwd,
        input=stdin,
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        **({} if as_root else _as_site_user()),
    )
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def program_of_everybody() -> tuple[list[str], list[Path]]:
    """Return a command for the sidecar that the site's user may run, too, and the folders of its PYTHONPATH.

    The Python of the tests may lie where only root comes; then it is the system's of the same version.

    Raises:
        Failed: there is none.
    """
    folders = [Path(__file__).parents[3], Path(sysconfig.get_path("platlib"))]
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{name}", shutil.which(name)):
        with suppress(Failed, OSError):
            command = [str(python), "-m", "sidecar"]
            env = {"PYTHONPATH": os.pathsep.join(map(str, folders))}
            run([*command, "--version"], cwd=Path("/"), environment=env)
            return command, folders
    raise Failed(f"{site_user().pw_name} can run no {name} with {folders}: install Debian's {name}, or let it in there")


class Daemon:
    """A server that runs in the foreground, as the site's user; what it says goes to `log`."""

    def __init__(self, command: Sequence[str | Path], *, cwd: Path, log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            give(log)
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Not to be ended by the terminal's Ctrl-C before those who use it.
                start_new_session=True,
                **_as_site_user(),
            )

    def wait_until(self, is_up: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Failed(self._log.read_text(errors="replace"))
            time.sleep(0.02)

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()


def _as_site_user() -> dict[str, Any]:
    user = site_user()
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
