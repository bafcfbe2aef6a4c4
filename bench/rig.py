"""Starts what is measured and what measures it, each on a core of its own, and ends it all."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import trustme

from bench.load import Target
from bench.wire import FRAMES, HTTP
from sidecar import process

CHECKOUT = Path(__file__).parents[1]
_REFERENCES = CHECKOUT / "bench" / "references"

# Runs a program that ends when we do, however that happens.
_MORTAL = "import os, sys; from sidecar import process; process.die_with_parent(); os.execv(sys.argv[1], sys.argv[1:])"

_START_SECONDS = 15.0
_STOP_SECONDS = 15.0

# For what the rows need and a default limit would refuse: a thousand streams at once.
_SIDECAR_SETTINGS = {
    "OPENAI_API_KEY": "bench-key-of-no-worth",
    "OPENAI_MODEL": "50x100",
    "SIDECAR_MODELS": "*",
    "SIDECAR_MAX_UPSTREAM": "1100",
    "SIDECAR_MAX_RUNNING": "1100",
    "SIDECAR_DRAIN_SECONDS": "1",
    "SIDECAR_TCP": "off",
    "SIDECAR_WEB_SOCKET": "off",
    "SIDECAR_LOG_LEVEL": "warning",
}


class StartFailed(Exception):
    """A process of the benchmark did not come up; `str()` says which, and what it said."""


class Rig:
    """The stand-in provider and what asks it. Made by `set_up`.

    `python` is the interpreter of everything measured: its environment should have what the program needs, no more.
    """

    def __init__(self, directory: Path, processes: ExitStack, python: str) -> None:
        self._directory = directory
        self._processes = processes
        self._python = python
        self._count = 0
        self.ca = directory / "ca.pem"
        self._certificate = directory / "provider.pem"
        _make_certificates(self.ca, self._certificate)
        # Load and provider share the first core, what is measured has the second.
        cores = sorted(os.sched_getaffinity(0))
        self._near, self._far = {cores[0]}, {cores[-1]}
        self.has_two_cores = len(cores) > 1
        processes.callback(os.sched_setaffinity, 0, cores)
        os.sched_setaffinity(0, self._near)
        self.provider_pid, self.tls_port, self.plain_port = self._start_provider()

    @property
    def watched(self) -> Mapping[str, int]:
        """The process that must not be what limits a run, beside the load itself."""
        return {"provider": self.provider_pid}

    def direct(self) -> Target:
        """D: the load asks the provider itself, without TLS, which would cost the load more than R adds to it."""
        return Target(name="D", pid=self.provider_pid, dialect=HTTP, port=self.plain_port)

    @contextmanager
    def relay(self) -> Iterator[Target]:
        """R: see references/relay.py."""
        command = [str(_REFERENCES / "relay.py"), path := self.new_path(), "127.0.0.1", str(self.tls_port)]
        with self._serving([*command, str(self.ca)], path) as pid:
            yield Target(name="R", pid=pid, dialect=HTTP, path=path)

    @contextmanager
    def naive(self) -> Iterator[Target]:
        """P: see references/naive.py."""
        url = f"https://localhost:{self.tls_port}/v1/chat/completions"
        path = self.new_path()
        with self._serving([str(_REFERENCES / "naive.py"), path, url, str(self.ca)], path) as pid:
            yield Target(name="P", pid=pid, dialect=FRAMES, path=path)

    @contextmanager
    def sidecar(self, *, port: int | None = None) -> Iterator[Target]:
        """S: the sidecar of this checkout, which asks the provider, or at `port` what stands before it."""
        path = self.new_path()
        with self._serving(["-m", "sidecar", "serve"], path, self.settings(path, port=port)) as pid:
            yield Target(name="S", pid=pid, dialect=FRAMES, path=path)

    @contextmanager
    def far(self, milliseconds: float) -> Iterator[int]:
        """Give a port at which the provider is so long a round trip away: see delay.py."""
        with self._beside("bench.delay", str(self.tls_port), str(milliseconds)) as (_, words):
            yield int(words[0])

    def settings(self, path: str, *, port: int | None = None) -> dict[str, str]:
        """Return the environment of a sidecar on the socket `path`, or `off`."""
        url = f"https://localhost:{port or self.tls_port}/v1"
        return {**_SIDECAR_SETTINGS, "OPENAI_BASE_URL": url, "SIDECAR_CA": str(self.ca), "SIDECAR_SOCKET": path}

    def spawn(
        self,
        arguments: Sequence[str],
        settings: Mapping[str, str] | None = None,
        *,
        pipes: bool = False,
    ) -> "subprocess.Popen[bytes]":
        """Start the measured Python on the measured core; nothing of our environment but the path is passed on."""
        environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(CHECKOUT), **(settings or {})}
        end = subprocess.PIPE if pipes else subprocess.DEVNULL
        log = (self._directory / "log").open("ab")
        os.sched_setaffinity(0, self._far)  # a child begins where its parent is: no taskset to be paid for
        try:
            with log:
                return subprocess.Popen(
                    [self._python, *arguments],
                    cwd=self._directory,
                    env=environment,
                    stdin=end,
                    stdout=end,
                    stderr=log,
                )
        finally:
            os.sched_setaffinity(0, self._near)

    def new_path(self) -> str:
        """Return a path for a socket that is not used yet."""
        self._count += 1
        return str(self._directory / f"{self._count}.sock")

    @contextmanager
    def _serving(self, arguments: Sequence[str], path: str, settings: Mapping[str, str] | None = None) -> Iterator[int]:
        started = self.spawn(["-c", _MORTAL, self._python, *arguments], settings)
        with ending(started):
            try:
                wait_until_listening(path, started)
            except StartFailed as exc:
                raise StartFailed(f"{exc} {(self._directory / 'log').read_text(errors='replace')[-2000:]}") from None
            yield started.pid

    def _start_provider(self) -> tuple[int, int, int]:
        beside = self._beside("bench.provider", str(self._certificate))
        pid, ports = self._processes.enter_context(beside)
        if len(ports) != 2:
            raise StartFailed("The stand-in provider did not start.")
        return pid, int(ports[0]), int(ports[1])

    @contextmanager
    def _beside(self, module: str, *arguments: str) -> Iterator[tuple[int, list[bytes]]]:
        """Run a module of ours on the load's core; give its process and the words of its first line."""
        started = subprocess.Popen(
            [sys.executable, "-c", _MORTAL, sys.executable, "-m", module, *arguments],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        with ending(started):
            assert started.stdout is not None
            yield started.pid, started.stdout.readline().split()


@contextmanager
def set_up(python: str = sys.executable) -> Iterator[Rig]:
    """Give a rig, and end on leaving what it has started."""
    process.raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, ExitStack() as processes:
        yield Rig(Path(directory), processes, python)


@contextmanager
def ending(started: "subprocess.Popen[bytes]") -> Iterator[None]:
    """End the process on leaving: by SIGTERM, then without asking."""
    try:
        yield
    finally:
        started.terminate()
        try:
            started.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        for pipe in (started.stdin, started.stdout):
            if pipe is not None:
                pipe.close()


def wait_until_listening(path: str, started: "subprocess.Popen[bytes]") -> None:
    """Return as soon as the socket `path` takes connections.

    Raises:
        StartFailed: the process has ended, or takes too long.
    """
    deadline = time.monotonic() + _START_SECONDS
    while not _is_listening(path):
        if started.poll() is not None:
            raise StartFailed(f"{started.args!r} ended with {started.returncode}.")
        if time.monotonic() > deadline:
            raise StartFailed(f"{started.args!r} does not listen after {_START_SECONDS:.0f} s.")
        time.sleep(0.0005)


def _is_listening(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def _make_certificates(ca_file: Path, certificate_file: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(ca_file))
    ca.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate_file))
