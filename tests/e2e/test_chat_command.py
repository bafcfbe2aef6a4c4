"""`chat` from a pipe, through a running sidecar and without one."""

import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Launch, Serve
from tests.e2e.program import MAIN, Program
from tests.e2e.scripts import openai_at
from tests.e2e.terminal import read_to_end
from tests.providers.scripted import good, running, stream

LABEL = "[Demo without a language model]"
SHORT = {"MAX_TOKENS": "16"}
INTRO = f"{LABEL} I cannot think or answer"


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """Settings with which no sidecar is found."""
    return {"SIDECAR_SOCKET": str(tmp_path / "none.sock"), "SIDECAR_TCP": "off", "TERM": "dumb"}


def pipe_into(launch: Launch, question: bytes, settings: Mapping[str, str], *arguments: str) -> tuple[Program, str]:
    program = launch(*MAIN, "chat", *arguments, settings=settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with suppress(BrokenPipeError):  # it has seen enough already
        program.stdin.write(question)
        program.stdin.close()
    return program, read_to_end(program.stdout).decode()


def through(server: Program) -> dict[str, str]:
    """Settings of a client of this sidecar: no provider, so that nothing else could answer."""
    return {"SIDECAR_SOCKET": str(server.socket_path), "SIDECAR_PROVIDER": ""}


def test_a_question_from_a_pipe_is_answered_on_stdout_and_nothing_else(launch: Launch, serve: Serve) -> None:
    server = serve()
    program, answer = pipe_into(launch, b"What is a prime?\nI forgot.\n", through(server))
    assert program.wait() == 0
    assert answer.startswith(INTRO)
    assert "What is a prime?" in answer
    assert answer.endswith("\n")
    program.wait_said(f"through the sidecar at {server.socket_path} \\(version .*, provider demo\\)$")
    server.wait_said("request done action=chat")


def test_without_a_sidecar_it_asks_directly_and_says_so(launch: Launch, alone: dict[str, str]) -> None:
    program, answer = pipe_into(launch, b"What is a prime?", {**alone, **SHORT})
    assert program.wait() == 69  # cut off
    assert answer.startswith(INTRO)
    program.wait_said("directly, with the provider demo: no sidecar runs here$")


def test_without_sidecar_and_provider_it_says_what_to_do(launch: Launch, alone: dict[str, str]) -> None:
    program, answer = pipe_into(launch, b"What is a prime?", {**alone, "SIDECAR_PROVIDER": ""})
    assert (program.wait(), answer) == (69, "")
    program.wait_said("OPENAI_API_KEY and OPENAI_MODEL")


def test_tcp_with_the_token_is_the_second_choice(launch: Launch, serve: Serve, tmp_path: Path) -> None:
    server = serve(SIDECAR_SOCKET="off", SIDECAR_TCP_AUTH="on", SIDECAR_TOKEN_FILE=str(tmp_path / "token"), **SHORT)
    port = server.tcp_port
    settings = {
        "SIDECAR_SOCKET": "off",
        "SIDECAR_TCP": str(port),
        "SIDECAR_TOKEN_FILE": str(tmp_path / "token"),
        "SIDECAR_PROVIDER": "",
    }
    program, answer = pipe_into(launch, b"What is a prime?", settings)
    assert program.wait() == 69  # cut off
    assert answer.startswith(INTRO)
    program.wait_said(f"through the sidecar at 127.0.0.1:{port} ")


def test_a_sidecar_that_lets_us_not_in_is_named(launch: Launch, serve: Serve, tmp_path: Path) -> None:
    server = serve(SIDECAR_SOCKET="off", SIDECAR_TCP_AUTH="on", SIDECAR_TOKEN="the-right-token")
    settings = {"SIDECAR_SOCKET": "off", "SIDECAR_TCP": str(server.tcp_port), "SIDECAR_TOKEN": "canary-wrong-token"}
    program, answer = pipe_into(launch, b"What is a prime?", {**settings, **SHORT})
    assert program.wait() == 69  # cut off
    assert answer.startswith(INTRO)
    program.wait_said("directly, with the provider demo: no sidecar .*127.0.0.1:.*this one has a wrong one")
    assert "canary" not in program.said


def test_what_is_asked_for_reaches_the_model(launch: Launch, alone: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "page").write_text("Bread needs flour.")
    options = ["--context", "page", "--model", "m2", "--language", "de", "--instructions", "Be a pirate."]
    with running(stream(good("Yes."))) as provider:
        settings = {**alone, **openai_at(provider), "SIDECAR_MODELS": "m2"}
        program, answer = pipe_into(launch, b"What does bread need?\n", settings, *options)
        asked: dict[str, Any] = provider.asked[0].json
    assert (program.wait(), answer) == (0, "Yes.\n")
    system, question = (turn["content"] for turn in asked["messages"])
    assert asked["model"] == "m2"
    assert "Be a pirate." in system
    assert "code de," in system
    assert "Bread needs flour." in question
    assert question.endswith("What does bread need?")


@pytest.mark.parametrize(
    ("question", "arguments", "status", "said"),
    [
        (b"", (), 65, "stdin is empty"),
        (b"Hi", ("--context", "-"), 64, "--context takes a file"),
        (b"Hi", ("--model", "other"), 64, "invalid_parameter: `model` is not offered here; it may be demo"),
    ],
)
def test_what_is_wrong_is_said_with_its_own_exit_status(
    launch: Launch, alone: dict[str, str], question: bytes, arguments: tuple[str, ...], status: int, said: str
) -> None:
    program, answer = pipe_into(launch, question, alone, *arguments)
    assert (program.wait(), answer) == (status, "")
    program.wait_said(said)


def test_a_wrong_setting_is_named(launch: Launch, alone: dict[str, str]) -> None:
    program, answer = pipe_into(launch, b"Hi", {**alone, "SIDECAR_PROVIDER": "oracle"})
    assert (program.wait(), answer) == (78, "")
    program.wait_said("SIDECAR_PROVIDER must be")


def test_a_reader_who_leaves_ends_it_quietly(launch: Launch, alone: dict[str, str]) -> None:
    """As in `... | head -c1`."""
    reading, writing = os.pipe()
    program = launch(*MAIN, "chat", settings=alone, stdin=subprocess.PIPE, stdout=writing)
    os.close(writing)
    program.stdin.write(b"What is a prime?")
    program.stdin.close()
    assert os.read(reading, 1) == b"["
    os.close(reading)
    assert program.wait() == 141
    assert len(program.said.splitlines()) == 1
