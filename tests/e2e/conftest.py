"""Real processes, which end with their test and have said nothing of a bug."""

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from subprocess import DEVNULL
from typing import Protocol

import pytest

from tests.e2e import on_backend
from tests.e2e.program import MAIN, Program, environment

BACKENDS = ("asyncio", "uvloop", "trio")


class Launch(Protocol):
    """Starts a command in an empty folder, with `settings` in its environment."""

    def __call__(
        self,
        *command: str,
        settings: Mapping[str, str] = {},
        stdin: int = DEVNULL,
        stdout: int = DEVNULL,
        pass_fds: Sequence[int] = (),
    ) -> Program: ...


class Serve(Protocol):
    """Starts `serve`; settings overwrite or add to: a socket and any free port of TCP, without a token."""

    def __call__(self, *, backend: str | None = None, **settings: str) -> Program: ...


def usual_settings(folder: Path) -> dict[str, str]:
    return {"SIDECAR_SOCKET": str(folder / "sidecar.sock"), "SIDECAR_TCP": "127.0.0.1:0", "SIDECAR_TCP_AUTH": "off"}


# Whoever runs the tests in a terminal has one that controls what they start, and then SIGHUP means something else.
# By its whole path, because a test may give what it starts another PATH.
WITHOUT_TERMINAL = (shutil.which("setsid") or "setsid",)


def serve_command(backend: str | None) -> list[str]:
    return [*(MAIN if backend is None else (sys.executable, on_backend.__file__, backend)), "serve"]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    with ExitStack() as stack:

        def launch(
            *command: str,
            settings: Mapping[str, str] = {},
            stdin: int = DEVNULL,
            stdout: int = DEVNULL,
            pass_fds: Sequence[int] = (),
        ) -> Program:
            env = environment(**settings)
            program = Program(command, cwd=tmp_path, env=env, stdin=stdin, stdout=stdout, pass_fds=pass_fds)
            return stack.enter_context(closing(program))

        yield launch


@pytest.fixture
def serve(launch: Launch, tmp_path: Path) -> Serve:
    def serve(*, backend: str | None = None, **settings: str) -> Program:
        return launch(*WITHOUT_TERMINAL, *serve_command(backend), settings=usual_settings(tmp_path) | settings)

    return serve


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """One that the tests of a module share."""
    folder = tmp_path_factory.mktemp("server")
    with closing(Program(serve_command(None), cwd=folder, env=environment(**usual_settings(folder)))) as program:
        yield program


@pytest.fixture(scope="module", params=BACKENDS)
def server_on_each(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The same on every event loop, with limits that a test can wait for."""
    folder = tmp_path_factory.mktemp("server")
    impatient = {"SIDECAR_FIRST_BYTE_SECONDS": "0.3", "SIDECAR_STALL_SECONDS": "0.3", "SIDECAR_READ_SECONDS": "0.3"}
    env = environment(**usual_settings(folder) | impatient | {"SIDECAR_LOG_LEVEL": "debug"})
    # So few descriptors that those which are lost are soon missed.
    shell = ("sh", "-c", 'ulimit -n 100; exec "$@"', "sh")
    with closing(Program([*shell, *serve_command(request.param)], cwd=folder, env=env)) as program:
        yield program
