"""What tests of doctor's checks share."""

import os

import pytest

from sidecar.cli.checks import Report

NOBODY = 4_000_000_000
"""A number that no user and no group has."""


def said(report: Report) -> tuple[str, str]:
    [check] = report.checks
    return check.status, f"{check.message} {check.advice}"


def refuse_access(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a user who is not root."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
