"""Runs built images as an engine would, without one: as compose.yaml says, by bubblewrap.

A container is a process that is PID 1 of its own namespaces, on a root that cannot be written to, with the
capabilities, limits, volumes, secrets and the environment of its service. It has a loopback of its own, and no other
network.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.container.images.limits import Limits
from tests.e2e.program import CHECKOUT, wait_until

COMPOSE = CHECKOUT / "container" / "compose.yaml"
STORE = json.loads(os.environ.get("CONTAINER_TEST_BUILDAH", '["buildah"]'))

# setpriv becomes another user by them, and gives them away.
_CAPS_OF_SETPRIV = ("SETUID", "SETGID", "SETPCAP")

WEB_USER = 33


def buildah(*arguments: str) -> str:
    return subprocess.run([*STORE, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def compose(profile: str, folder: Path, **settings: str) -> dict[str, Any]:
    """Return the services of a profile, as docker-compose understands the file; those beside it are in `folder`."""
    env_file = folder / "compose.env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    files = ["--file", str(COMPOSE), "--project-directory", str(folder), "--env-file", str(env_file)]
    command = ["docker-compose", *files, "--profile", profile]
    path = f"{CHECKOUT}/.venv-dev/bin:{os.environ['PATH']}"
    said = subprocess.run(
        [*command, "config", "--format", "json"], check=True, capture_output=True, env={"PATH": path, "HOME": "/"}
    )
    services: dict[str, Any] = json.loads(said.stdout)["services"]
    return services


class Image:
    """A built image: what it says of itself, and its files."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.config: dict[str, Any] = json.loads(buildah("inspect", "--type", "image", name))["Docker"]["config"]
        self._container = buildah("from", name)
        self.root = Path(buildah("mount", self._container))

    def close(self) -> None:
        buildah("rm", self._container)

    @property
    def environment(self) -> dict[str, str]:
        pairs = (pair.partition("=") for pair in self.config["Env"] or [])
        return {name: value for name, _, value in pairs}


class Container:
    """A service of compose.yaml that runs. `volumes` are folders here by their names there, and keep their content."""

    def __init__(
        self,
        image: Image,
        service: Mapping[str, Any],
        folder: Path,
        *,
        volumes: Mapping[str, Path] = {},
        secrets: Mapping[str, Path] = {},
        environment: Mapping[str, str] = {},
        command: Sequence[str] | None = None,
        stop_signal: int | None = None,
        hidden: Sequence[str] = (),
    ) -> None:
        """`environment` and `command` go before those of the service; what is `hidden` is empty."""
        self._image = image
        set_there = {str(name): str(value or "") for name, value in service["environment"].items()}
        self.environment: dict[str, str] = {**image.environment, **set_there, **environment}
        self._stop_signal = stop_signal or signal.Signals[image.config["StopSignal"]]
        self._limits = Limits(service)
        self._within: list[subprocess.Popen[str]] = []
        folder.mkdir()
        self.log = folder / "engine.log"
        entrypoint = service["entrypoint"] or image.config["Entrypoint"] or []
        arguments = command or service["command"] or image.config["Cmd"] or []
        reader, writer = os.pipe()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("bwrap", "--die-with-parent", "--as-pid-1", "--info-fd", str(writer)),
                    *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net"),
                    *self._files(service, folder, volumes, secrets, hidden),
                    *self._rights(service),
                    *("--clearenv", *_each("--setenv", self.environment.items())),
                    *("--chdir", image.config["WorkingDir"] or "/", "--"),
                    *self._become(service),
                    *entrypoint,
                    *arguments,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[writer],
                start_new_session=True,
                preexec_fn=self._limits.join,
            )
        os.close(writer)
        with open(reader) as said:
            self.pid: int = json.loads(said.read() or self._complain())["child-pid"]

    def _complain(self) -> str:
        raise AssertionError(self.said)

    def _files(
        self,
        service: Mapping[str, Any],
        folder: Path,
        volumes: Mapping[str, Path],
        secrets: Mapping[str, Path],
        hidden: Sequence[str],
    ) -> list[str]:
        assert service["read_only"]
        arguments = ["--ro-bind", str(self._image.root), "/", "--proc", "/proc", "--dev", "/dev"]
        for place in service.get("tmpfs", ()):
            path, _, options = place.partition(":")
            arguments += ["--bind", str(self._make_tmpfs(folder, path, options)), path]
        for mount in service.get("volumes", ()):
            if mount["type"] == "volume":
                volume = volumes.get(mount["source"]) or folder / mount["source"]
                self._fill(volume, mount["target"])
                arguments += ["--ro-bind" if mount.get("read_only") else "--bind", str(volume), mount["target"]]
        arguments += ["--perms", "0755", "--dir", "/run/secrets"]
        for secret in service.get("secrets", ()):
            if secret["source"] in secrets:
                place = self._image.root / "run" / "secrets" / secret["source"]
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch()
                arguments += ["--ro-bind", str(secrets[secret["source"]]), f"/run/secrets/{secret['source']}"]
        return [*arguments, *_each("--ro-bind", (("/dev/null", path) for path in hidden))]

    def _make_tmpfs(self, folder: Path, path: str, options: str) -> Path:
        place = folder / path.strip("/").replace("/", "-")
        place.mkdir()
        place.chmod(int(options.removeprefix("mode="), 8))
        return place

    def _fill(self, volume: Path, target: str) -> None:
        """Make a volume as an engine does: a new one has what the image has there, owners included."""
        there = self._image.root / target.strip("/")
        there.mkdir(parents=True, exist_ok=True)
        if not volume.exists():
            subprocess.run(["cp", "--archive", str(there), str(volume)], check=True)

    def _rights(self, service: Mapping[str, Any]) -> list[str]:
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]  # which bubblewrap always does
        added = [*service.get("cap_add", ()), *(_CAPS_OF_SETPRIV if self._uid else ())]
        return ["--cap-drop", "ALL", *_each("--cap-add", ((f"CAP_{name}",) for name in added))]

    @property
    def _uid(self) -> int:
        user = self._image.config["User"] or "0"
        return 0 if user == "root" else int(user)

    def _become(self, service: Mapping[str, Any]) -> list[str]:
        if not self._uid:
            return []
        groups = ",".join([str(self._uid), *service.get("group_add", ())])
        uid = str(self._uid)
        return ["setpriv", "--reuid", uid, "--regid", uid, "--groups", groups, "--bounding-set=-all", "--"]

    def run(
        self, *command: str, user: int = 0, environment: Mapping[str, str] = {}, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command within, as `docker exec` does."""
        started = self.start(*command, user=user, environment=environment)
        stdout, stderr = started.communicate(timeout=60)
        ran = subprocess.CompletedProcess(command, started.returncode, stdout, stderr)
        assert not check or ran.returncode == 0, f"{command}: {ran.returncode}\n{stdout}\n{stderr}\n{self.said}"
        return ran

    def start(self, *command: str, user: int = 0, environment: Mapping[str, str] = {}) -> subprocess.Popen[str]:
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"] if user else []
        pairs = [f"{name}={value}" for name, value in {**self.environment, **environment}.items()]
        inside = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--ipc", "--uts", "--net", "--root", "--wd"]
        process = subprocess.Popen(
            [*inside, "--", "env", "-i", *pairs, *become, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._within.append(process)
        return process

    def health(self) -> int:
        kind, *command = self._image.config["Healthcheck"]["Test"]
        assert kind == "CMD"  # no shell
        return self.run(*command, user=self._uid, check=False).returncode

    def wait_for_health(self) -> None:
        wait_until(lambda: self.health() == 0 or self._process.poll() is not None)
        assert self._process.poll() is None, self.said

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self) -> tuple[float, int]:
        """Stop it as an engine does, and return after how many seconds it had ended, and with which status."""
        begin = time.monotonic()
        os.kill(self.pid, self._stop_signal)
        status = self._process.wait(20)
        return time.monotonic() - begin, status

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        for process in self._within:
            process.kill()
            process.communicate()
        self._limits.close()


def _each(option: str, many: Any) -> list[str]:
    return [word for one in many for word in (option, *one)]


def make_secret(folder: Path, name: str, content: str, uid: int, mode: int = 0o400) -> Path:
    """Return a file as the comment in compose.yaml makes it."""
    path = folder / name
    path.write_text(content)
    path.chmod(mode)
    shutil.chown(path, uid, uid)
    return path
