"""One result of `doctor`, and all of them together."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "failed", "skipped"]

NAMES = tuple(
    "settings log usage directory socket instance web_socket token tcp provider name_lookup connect tls key model "
    "tokens cancel".split()
)
"""Every report has these, each once, in this order; others follow where there are several keys, or fallbacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was found. `advice` says what to do; empty where there is nothing to do."""

    name: str
    status: Status
    message: str
    advice: str = ""


class Report:
    """The checks so far; `on_check` hears of each as it is added."""

    def __init__(self, on_check: Callable[[Check], None]) -> None:
        self._on_check = on_check
        self.checks: list[Check] = []

    @property
    def status(self) -> Status:
        """The worst of all."""
        found = {check.status for check in self.checks}
        return "failed" if "failed" in found else "warning" if "warning" in found else "ok"

    def ok(self, name: str, message: str) -> None:
        self._add(Check(name=name, status="ok", message=message))

    def warning(self, name: str, message: str, advice: str) -> None:
        self._add(Check(name=name, status="warning", message=message, advice=advice))

    def failed(self, name: str, message: str, advice: str) -> None:
        self._add(Check(name=name, status="failed", message=message, advice=advice))

    def skipped(self, name: str, message: str) -> None:
        self._add(Check(name=name, status="skipped", message=message))

    def skip_rest(self, message: str) -> None:
        """Skip every check that was not made."""
        for name in NAMES[len(self.checks) :]:
            self.skipped(name, message)

    def _add(self, check: Check) -> None:
        self.checks.append(check)
        self._on_check(check)
