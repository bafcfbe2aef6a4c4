"""The line that `serve` prints to be pasted into another terminal: it is run as it stands."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from protocol import codec
from tests.e2e.client import text_of
from tests.e2e.conftest import Launch, Serve, serve_command
from tests.e2e.program import PATIENCE_SECONDS, Program

# All that means something to a shell or to socat.
NAMES = ("sidecar.sock", """a 'b',(c) $d:!"e\\.sock""")


def paste(program: Program, *, path: str, cwd: Path) -> str:
    """Run the printed line in bash, and return the text that has been streamed."""
    line = program.wait_said(r"paste this into another terminal:\n(.*)$")[1]
    bash = shutil.which("bash")
    assert bash is not None
    ran = subprocess.run(
        [bash, "-c", line], cwd=cwd, env={"PATH": path}, capture_output=True, timeout=PATIENCE_SECONDS, check=True
    )
    assert ran.stderr == b""
    return text_of([codec.decode_reply(payload) for payload in ran.stdout.splitlines()])


@pytest.fixture
def path_with_python(tmp_path: Path) -> str:
    """A PATH on which there is python3, and nothing else."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    return str(tmp_path / "bin")


@pytest.mark.parametrize("name", NAMES)
def test_the_line_streams_tokens(serve: Serve, tmp_path: Path, name: str) -> None:
    program = serve(SIDECAR_SOCKET=str(tmp_path / name), MAX_TOKENS="10")
    path = "/usr/local/bin:/usr/bin:/bin"
    assert "[Demo without a language model]" in paste(program, path=path, cwd=Path("/"))
    if name == "sidecar.sock":
        assert "| socat" in program.said


@pytest.mark.parametrize("name", NAMES)
def test_without_socat_it_is_a_line_of_python(serve: Serve, tmp_path: Path, path_with_python: str, name: str) -> None:
    program = serve(SIDECAR_SOCKET=str(tmp_path / name), MAX_TOKENS="10", PATH=path_with_python)
    assert "[Demo without a language model]" in paste(program, path=path_with_python, cwd=Path("/"))
    assert "| socat" not in program.said


def test_the_line_works_in_another_directory(launch: Launch, tmp_path: Path) -> None:
    settings = {"SIDECAR_SOCKET": "sidecar.sock", "SIDECAR_TCP": "off", "MAX_TOKENS": "10"}
    program = launch(*serve_command(None), settings=settings)
    program.wait_said(f"listening on {tmp_path}/sidecar.sock")
    assert paste(program, path="/usr/local/bin:/usr/bin:/bin", cwd=Path("/"))
