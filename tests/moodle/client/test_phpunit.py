"""The PHP client's own tests, under the real php: by themselves, and against the real server over each transport."""

import json
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.conftest import BACKENDS, serve_command, usual_settings
from tests.e2e.program import MAIN, Program, environment

TESTS = Path(__file__).parent / "php"

# What a test of a fault waits for; and the sizes are the defaults, which the golden files know.
IMPATIENT = {
    "SIDECAR_TCP_AUTH": "on",
    "SIDECAR_FIRST_BYTE_SECONDS": "0.6",
    "SIDECAR_SOCKET_FIRST_BYTE_SECONDS": "0.6",
    "SIDECAR_READ_SECONDS": "0.6",
    "SIDECAR_STALL_SECONDS": "0.5",
    "SIDECAR_LOG_LEVEL": "debug",
}


def _open_many_files() -> None:
    """Let the process have descriptors with numbers that select does not know."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run_phpunit(*arguments: str, env: dict[str, str]) -> None:
    phpunit = shutil.which("phpunit")
    assert phpunit is not None
    command = ["php", "-d", "apc.enable_cli=1", phpunit, "--configuration", str(TESTS), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=env, check=False, preexec_fn=_open_many_files
    )
    print(done.stdout, done.stderr)  # where tests/canary.py looks through it, and pytest shows it where it fails
    assert done.returncode == 0
    assert "OK (" in done.stdout


@pytest.fixture(scope="module", params=BACKENDS)
def surroundings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A server on each event loop, and what tells the tests in PHP where it is."""
    folder = tmp_path_factory.mktemp("server")
    env = environment(**usual_settings(folder) | IMPATIENT)
    with closing(Program(serve_command(request.param), cwd=folder, env=env)) as program:
        child = environment(SIDECAR_STALL_SECONDS="0.5")
        # The child that PHP starts chooses its own loop: once is enough.
        transports = ["unix", "tcp", "stdio"] if request.param == "uvloop" else ["unix", "tcp"]
        yield environment(
            SIDECAR_TEST_TRANSPORTS=json.dumps(transports),
            SIDECAR_TEST_SOCKET=str(program.socket_path),
            SIDECAR_TEST_TCP=f"127.0.0.1:{program.tcp_port}",
            SIDECAR_TEST_TOKEN_FILE=str(folder / "token"),
            SIDECAR_TEST_COMMAND=json.dumps([*MAIN, "stdio"]),
            SIDECAR_TEST_ENVIRONMENT=json.dumps(child),
        )


def test_the_client_by_itself() -> None:
    run_phpunit("--testsuite", "client", env=environment())


@pytest.mark.parametrize("name", sorted(path.stem for path in TESTS.glob("Server/*Test.php")))
def test_the_client_against_the_server(name: str, surroundings: dict[str, str]) -> None:
    run_phpunit("--testsuite", "server", "--filter", rf"\\{name}::", env=surroundings)
