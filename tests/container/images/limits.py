"""The limits of a service, by control groups of either version: what it may take of memory, and how many processes."""

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from tests.e2e.program import wait_until

_numbers = count(1)

_ROOT = Path("/sys/fs/cgroup")


class Limits:
    def __init__(self, service: Mapping[str, Any]) -> None:
        name = f"container-test-{os.getpid()}-{next(_numbers)}"
        memory, processes = str(service["mem_limit"]), str(service["pids_limit"])
        if (_ROOT / "cgroup.controllers").exists():
            self._groups = {_ROOT / name: {"memory.max": memory, "pids.max": processes}}
        else:
            self._groups = {
                _ROOT / "memory" / name: {"memory.limit_in_bytes": memory},
                _ROOT / "pids" / name: {"pids.max": processes},
            }
        for group, files in self._groups.items():
            group.mkdir()
            for file, limit in files.items():
                (group / file).write_text(limit)

    def join(self) -> None:
        """Put the process that calls this, and all that comes of it, under the limits."""
        for group in self._groups:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    def close(self) -> None:
        """Take the groups away, once all in them have ended."""
        for group in self._groups:
            wait_until(partial(_is_removed, group))


def _is_removed(group: Path) -> bool:
    with suppress(OSError):
        group.rmdir()
    return not group.exists()
