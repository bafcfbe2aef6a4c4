"""The commands for people, as far as it takes no process to see: Ctrl-C at odd moments, and what cannot be typed."""

import builtins
import io
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from protocol.messages import Chat, Done, Error
from sidecar import __version__
from sidecar.cli import _document, analyze, chat
from sidecar.cli.asking import Answer, Found
from sidecar.cli.checks import Report, running
from sidecar.cli.output import OutputFailed
from sidecar.client import Door
from sidecar.observability import logs


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No sidecar but the demo in this process; the process is left as it was."""
    monkeypatch.setenv("SIDECAR_PROVIDER", "demo")
    monkeypatch.setenv("SIDECAR_SOCKET", str(tmp_path / "none.sock"))
    monkeypatch.setenv("SIDECAR_TCP", "off")
    monkeypatch.setattr("sidecar.process.forbid_inspection", lambda: None)
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def log_put_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The log is left in place where an exception is on its way out of the process, which here goes on."""
    for owner, name in (
        (logging.getLogger(), "handlers"),
        (logging, "raiseExceptions"),
        (logging, "lastResort"),
        (sys, "excepthook"),
        (sys, "unraisablehook"),
        (threading, "excepthook"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    levels = {name: logging.getLogger(name).level for name in ("", *logs._KEPT_QUIET)}
    yield
    logging.captureWarnings(False)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[str | BaseException]:
    """What is typed, line by line; then Ctrl-D."""
    lines: list[str | BaseException] = []

    def type_line(prompt: str) -> str:
        line = lines.pop(0) if lines else EOFError()
        if isinstance(line, BaseException):
            raise line
        return line

    monkeypatch.setattr(builtins, "input", type_line)
    monkeypatch.setattr(os, "isatty", lambda fd: True)
    return lines


def options(**chosen: object) -> SimpleNamespace:
    usual = {"env_file": None, "context": None, "ask_model": None, "language": None, "instructions": None}
    return SimpleNamespace(**{**usual, **chosen})


def interrupt(*_: object) -> Found:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("log_put_back")
def test_ctrl_c_while_a_sidecar_is_looked_for_gives_130(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("A text.")
    monkeypatch.setattr(_document, "find", interrupt)
    assert analyze.run(options(files=[str(tmp_path / "text")], json=False)) == 130
    monkeypatch.setattr(chat, "find", interrupt)
    monkeypatch.setattr(os, "isatty", lambda fd: True)
    assert chat.run(options()) == 130


def test_ctrl_c_between_prompt_and_answer_ends_only_the_question(
    monkeypatch: pytest.MonkeyPatch, typed: list[str | BaseException]
) -> None:
    typed += ["First?", "Second?"]
    asked = []

    def ask(self: object, question: str) -> Answer:
        asked.append(question)
        if question == "First?":
            raise KeyboardInterrupt
        return Answer(end=Done(finish_reason="stop"))

    monkeypatch.setattr("sidecar.cli.chat._Conversation.ask", ask)
    assert chat.run(options()) == 0
    assert asked == ["First?", "Second?"]


def test_a_terminal_that_is_gone_ends_the_conversation(
    monkeypatch: pytest.MonkeyPatch, typed: list[str | BaseException]
) -> None:
    typed += ["First?", "Second?"]
    answer = Answer(output_failure=OutputFailed("Input/output error"))
    monkeypatch.setattr("sidecar.cli.chat._Conversation.ask", lambda self, question: answer)
    assert chat.run(options()) == 74
    assert typed == ["Second?"]


def test_what_is_no_utf_8_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, typed: list[str | BaseException], capfd: pytest.CaptureFixture[str]
) -> None:
    typed += [UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), "\udcffgain?", KeyboardInterrupt()]
    asked = []

    def ask(self: object, question: str) -> Answer:
        asked.append(question)
        return Answer(end=Done(finish_reason="stop"))

    monkeypatch.setattr("sidecar.cli.chat._Conversation.ask", ask)
    assert chat.run(options()) == 0
    assert asked == ["\ufffdgain?"]
    assert "please type it again" in capfd.readouterr().err


def test_without_a_terminal_for_the_answers_the_prompt_is_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "isatty", lambda fd: fd == 0)
    monkeypatch.setattr(sys, "stdin", io.StringIO(" \n"))
    assert chat.run(options()) == 0
    out, err = capfd.readouterr()
    assert out == ""
    assert err.endswith("> > \n")


def test_a_conversation_too_long_for_the_model_loses_its_older_half(
    monkeypatch: pytest.MonkeyPatch, typed: list[str | BaseException], capfd: pytest.CaptureFixture[str]
) -> None:
    typed += ["1?", "2?", "3?", "4?"]
    histories = []

    async def ask(door: Door, request: Chat, **_: object) -> Answer:
        histories.append([turn.content for turn in request.history or ()])
        if request.content == "3?":
            return Answer(end=Error(code="context_too_long", message="Too long."))
        return Answer(end=Done(finish_reason="stop"), pieces=["Yes."])

    monkeypatch.setattr(chat, "ask", ask)
    assert chat.run(options()) == 0
    assert histories == [[], ["1?", "Yes."], ["1?", "Yes.", "2?", "Yes."], ["2?", "Yes."]]
    assert "the older half of the conversation is forgotten: ask again" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("status", "found", "said"),
    [
        (Done(version="0.0.1", provider="demo", ready=True), "warning", "restart it"),
        (Done(version=__version__, provider="demo", ready=False), "failed", "Wait: it is ending"),
    ],
)
def test_doctor_sees_a_sidecar_that_is_not_as_it_should_be(
    monkeypatch: pytest.MonkeyPatch, status: Done, found: str, said: str
) -> None:
    async def ping(door: Door) -> Done:
        return status

    monkeypatch.setattr(running, "ping", ping)
    report = Report(lambda check: None)
    assert running.check_instance(Path("s.sock"), report) is status
    [check] = report.checks
    assert check.status == found
    assert said in check.advice
