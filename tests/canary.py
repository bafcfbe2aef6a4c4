"""Looks through all that the tests and their programs put out for the keys that they use: none may be seen anywhere.

A pytest plugin, which conftest.py takes in. What a test captured, its log included, is searched, passed or not; what
programs say on stderr, and on a stdout that is read to its end, is printed for it (tests/e2e/program.py, terminal.py).
So every key in a test begins like these.
"""

import re

import pytest

KEYS = re.compile("sk-canary|CANARYcanary", re.IGNORECASE)

_leaks: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if any(KEYS.search(content) for _, content in report.sections):
        _leaks.append(f"{report.nodeid} ({report.when})")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _leaks:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for leak in _leaks:
        terminalreporter.write_line(f"A KEY WAS SEEN in the output of {leak}", red=True)
