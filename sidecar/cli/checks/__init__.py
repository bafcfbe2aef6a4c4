"""What `doctor` looks at. Each check says what it found and, where something is wrong, what to do."""

from sidecar.cli.checks.check import NAMES, Check, Report

__all__ = ["NAMES", "Check", "Report"]
