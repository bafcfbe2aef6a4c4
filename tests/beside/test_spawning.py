"""The new process between its birth and the program, played by this one; real ones: tests/e2e/test_beside.py."""

import os
import signal

import pytest

from sidecar.beside.spawning import spawn


class Ended(BaseException):
    """What a process that ends would not live to see."""


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What the new process says, which this one is now."""
    said: list[bytes] = []

    def end(status: int) -> None:
        raise Ended(status)

    monkeypatch.setattr(os, "fork", lambda: 0)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(os, "write", lambda fd, text: said.append(text))
    return said


def test_what_cannot_be_started_says_why_and_ends_with_127(said: list[bytes]) -> None:
    with pytest.raises(Ended, match="127"):
        spawn(["no-such-program"], {"PATH": "/nowhere"}, lambda: None)
    assert said == [b"no-such-program: No such file or directory\n"]


def test_whatever_goes_wrong_it_does_not_go_on_as_its_parent(said: list[bytes]) -> None:
    def fail() -> None:
        raise RuntimeError("a bug")

    with pytest.raises(Ended, match="127"):
        spawn(["true"], {}, fail)
    assert said == []
