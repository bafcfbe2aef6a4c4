"""Runs `doctor` and reads what it found."""

import subprocess
from collections.abc import Mapping
from typing import Any

import msgspec

from sidecar.cli.checks import NAMES
from tests.e2e.conftest import Launch
from tests.e2e.program import MAIN
from tests.e2e.terminal import read_to_end

PROVIDER_STEPS = NAMES[NAMES.index("provider") + 1 :]


class Findings:
    """What doctor said: the exit status, and each check by its name."""

    def __init__(self, exit_status: int, said: dict[str, Any]) -> None:
        self.exit_status = exit_status
        self.status: str = said["status"]
        self.checks: dict[str, dict[str, str]] = {check["name"]: check for check in said["checks"]}
        assert tuple(self.checks)[: len(NAMES)] == NAMES
        assert set(said) == {"version", "status", "checks"}
        for check in self.checks.values():
            assert set(check) == {"name", "status", "message", "advice"}
            assert check["message"].isprintable()
            assert bool(check["advice"]) == (check["status"] in ("warning", "failed")), check

    def __getitem__(self, name: str) -> tuple[str, str]:
        return self.checks[name]["status"], self.checks[name]["message"] + self.checks[name]["advice"]

    def statuses(self, *names: str) -> list[str]:
        return [self.checks[name]["status"] for name in names]


def examine(launch: Launch, settings: Mapping[str, str]) -> Findings:
    program = launch(*MAIN, "doctor", "--json", settings=settings, stdout=subprocess.PIPE)
    said = read_to_end(program.stdout)
    exit_status = program.wait()
    assert b"canary" not in said + program.said.encode()
    return Findings(exit_status, msgspec.json.decode(said))
