"""Who PHP runs as, and what it has open when it starts a child."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Serve
from tests.moodle.client.asking import ask

# Nobody's, and in no group that matters.
USER = 3_000_000_001


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_user_who_may_not_use_the_socket_is_told_so(serve: Serve, open_folder: Path) -> None:
    """Row C62, where this process may become another user."""
    program = serve(SIDECAR_SOCKET=str(open_folder / "sidecar.sock"), SIDECAR_SOCKET_MODE="0666")
    settings = {"socket": str(program.socket_path), "user": USER}
    if os.geteuid() == 0:
        assert ask(settings, "status").startswith(f"Forbidden: User {USER} ")
        # There is another way, and the token says who is there.
        assert "." in ask(settings | {"tcp": f"127.0.0.1:{program.tcp_port}"}, "status")
    else:
        assert "." in ask(settings, "status")


def test_a_socket_that_php_cannot_reach_says_so(serve: Serve, open_folder: Path) -> None:
    program = serve(SIDECAR_SOCKET=str(open_folder / "sidecar.sock"), SIDECAR_SOCKET_MODE="0600")
    said = ask({"socket": str(program.socket_path), "user": USER}, "status")
    if os.geteuid() == 0:
        assert said.endswith("Permission denied.")
    else:
        assert "." in said


@pytest.mark.parametrize("function", ["proc_open", "proc_get_status", "proc_terminate"])
def test_where_php_may_start_no_child_it_says_so(function: str) -> None:
    said = ask({"socket": None, "command": ["/bin/true"]}, php=("-d", f"disable_functions={function}"))
    assert said == (
        "ConnectionFailed: The sidecar cannot be reached. "
        f"stdio: PHP may start no child: disable_functions names {function}."
    )
