"""Settings that need nothing of this machine, a report, and a socket."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from sidecar.cli.checks import Report
from sidecar.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(load_settings(), socket=tmp_path / "s.sock", token=None, token_file=None)


@pytest.fixture
def report() -> Report:
    return Report(lambda check: None)


@pytest.fixture
def socket_path(tmp_path: Path) -> Iterator[Path]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.sock"))
        (tmp_path / "s.sock").chmod(0o660)
        yield tmp_path / "s.sock"
