"""`chat` in a terminal: tokens as they come, Ctrl-C, errors, and what was said before."""

import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Launch, Serve
from tests.e2e.program import MAIN, Program, wait_until
from tests.e2e.scripts import openai_at
from tests.e2e.terminal import CTRL_C, CTRL_D, IN_ITS_OWN_SESSION, Terminal, with_stderr
from tests.providers.scripted import Asked, ScriptedProvider, chunk, event, good, running, status, stream

LABEL = "[Demo without a language model]"
INTRO = f"{LABEL} I cannot think or answer"


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with closing(Terminal()) as terminal:
        yield terminal


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """Settings with which no sidecar is found."""
    return {"SIDECAR_SOCKET": str(tmp_path / "none.sock"), "SIDECAR_TCP": "off", "TERM": "dumb"}


def talk(launch: Launch, terminal: Terminal, settings: Mapping[str, str], *arguments: str) -> Program:
    """Start a conversation in the terminal and wait for its prompt."""
    command = (*IN_ITS_OWN_SESSION, *MAIN, "chat", *arguments)
    program = launch(*command, settings={"TERM": "dumb", **settings}, stdin=terminal.theirs, stdout=terminal.theirs)
    program.wait_said("Ctrl-D the conversation")
    terminal.wait_shown("> ")
    return program


def press_until_it_ends(terminal: Terminal, program: Program, keys: bytes) -> None:
    """Python's readline does not notice a signal between its prompt and its wait for the first key."""
    for _ in range(10):
        terminal.press(keys)
        with suppress(subprocess.TimeoutExpired):
            program.process.wait(1)
            return


def through(server: Program) -> dict[str, str]:
    """Settings of a client of this sidecar: no provider, so that nothing else could answer."""
    return {"SIDECAR_SOCKET": str(server.socket_path), "SIDECAR_PROVIDER": ""}


def said_to(provider: ScriptedProvider) -> list[tuple[str, str]]:
    """Return the turns that the provider was sent last, without the system prompt."""
    asked: dict[str, Any] = provider.asked[-1].json
    return [(turn["role"], turn["content"]) for turn in asked["messages"][1:]]


@pytest.mark.parametrize("is_running", [True, False], ids=["through a sidecar", "directly"])
def test_a_conversation_in_a_terminal(
    launch: Launch, serve: Serve, terminal: Terminal, alone: dict[str, str], is_running: bool
) -> None:
    settings = through(serve()) if is_running else alone
    program = talk(launch, terminal, settings)

    terminal.type("What is a prime?")
    terminal.wait_shown(INTRO)  # while the rest is still being written
    terminal.press(CTRL_C)
    program.wait_said("interrupted$")
    assert "> What is a prime?" not in terminal.wait_shown("> ")  # nothing of the end of the answer

    terminal.type("")
    terminal.wait_shown("> ")
    terminal.type("And nine?")
    assert INTRO in terminal.wait_shown("> And nine?")
    terminal.wait_shown("> ")
    terminal.press(CTRL_D)
    assert program.wait() == 0


def test_ctrl_c_is_a_cancel_on_the_wire(launch: Launch, serve: Serve, terminal: Terminal) -> None:
    server = serve()
    program = talk(launch, terminal, through(server))
    terminal.type("What is a prime?")
    terminal.wait_shown(LABEL)
    terminal.press(CTRL_C)
    server.wait_said("request cancelled action=chat id=1")
    program.wait_said("interrupted$")
    terminal.wait_shown("> ")
    press_until_it_ends(terminal, program, CTRL_C)
    assert program.wait() == 0


def test_an_error_does_not_end_the_conversation(launch: Launch, serve: Serve, terminal: Terminal) -> None:
    server = serve()
    program = talk(launch, terminal, through(server))
    assert server.end()[0] == 0

    terminal.type("What is a prime?")
    program.wait_said("connection_lost: No sidecar listens there. See whether the sidecar still runs")
    terminal.wait_shown("> ")
    again = serve()
    again.wait_said("listening on /")
    terminal.type("What is a prime?")
    terminal.wait_shown(INTRO)
    terminal.press(CTRL_C)
    terminal.wait_shown("> ")
    terminal.press(CTRL_D)
    assert program.wait() == 0


def test_a_sidecar_that_goes_in_the_middle_is_an_error(launch: Launch, serve: Serve, terminal: Terminal) -> None:
    server = serve()
    program = talk(launch, terminal, through(server))
    terminal.type("What is a prime?")
    terminal.wait_shown(LABEL)
    server.signal(signal.SIGKILL)
    program.wait_said("connection_lost: The (sidecar has closed the connection|connection to the sidecar is broken)")
    server.wait()
    terminal.wait_shown("> ")
    terminal.press(CTRL_D)
    assert program.wait() == 0


def test_where_stdout_is_a_file_the_prompt_is_not_in_it(
    launch: Launch, terminal: Terminal, alone: dict[str, str], tmp_path: Path
) -> None:
    with running(stream(good("Yes."))) as provider:
        with open(tmp_path / "answers", "wb") as answers:
            command = (*IN_ITS_OWN_SESSION, *MAIN, "chat")
            settings = {**alone, **openai_at(provider)}
            program = launch(*command, settings=settings, stdin=terminal.theirs, stdout=answers.fileno())
        program.wait_said("Ctrl-D the conversation")
        terminal.type("Is it?")
        wait_until(lambda: (tmp_path / "answers").read_text() == "Yes.\n")
        terminal.press(CTRL_D)
        assert program.wait() == 0
    assert "openai-moodle-sidecar: Ctrl-C ends an answer, Ctrl-D the conversation\n> > " in program.said


def test_what_was_typed_can_be_edited(launch: Launch, terminal: Terminal, alone: dict[str, str]) -> None:
    with running(stream(good("Yes."))) as provider:
        program = talk(launch, terminal, {**alone, **openai_at(provider)})
        terminal.press(b"And nine?\x01What of eight? \n")  # Ctrl-A: to the start of the line
        terminal.wait_shown("Yes.")
        terminal.wait_shown("> ")
        terminal.press(CTRL_D)
        assert program.wait() == 0
        assert said_to(provider) == [("user", "What of eight? And nine?")]


def test_what_was_said_before_is_sent_again(launch: Launch, terminal: Terminal, alone: dict[str, str]) -> None:
    answers = [stream(good("One.")), stream(good("Two."))]
    with running(*answers) as provider:
        program = talk(launch, terminal, {**alone, **openai_at(provider)})
        terminal.type("First?")
        terminal.wait_shown("One.")
        terminal.wait_shown("> ")
        terminal.type("Second?")
        terminal.wait_shown("Two.")
        terminal.wait_shown("> ")
        terminal.press(CTRL_D)
        assert program.wait() == 0
        assert said_to(provider) == [("user", "First?"), ("assistant", "One."), ("user", "Second?")]


def test_a_conversation_too_long_for_the_model_is_halved(
    launch: Launch, terminal: Terminal, alone: dict[str, str]
) -> None:
    too_long = status(400, {"error": {"message": "too long", "code": "context_length_exceeded"}})
    with running(stream(good("One.")), too_long, too_long, stream(good("Two."))) as provider:
        program = talk(launch, terminal, {**alone, **openai_at(provider)})
        terminal.type("First?")
        terminal.wait_shown("One.")
        terminal.wait_shown("> ")
        terminal.type("Second?")
        program.wait_said("the older half of the conversation is forgotten: ask again")
        program.wait_said("context_too_long: ")
        terminal.wait_shown("> ")
        terminal.type("Third?")
        terminal.wait_shown("Two.")
        terminal.wait_shown("> ")
        terminal.press(CTRL_D)
        assert program.wait() == 0
        assert said_to(provider) == [("user", "Third?")]


def test_ctrl_c_closes_the_connection_to_the_provider(
    launch: Launch, terminal: Terminal, alone: dict[str, str]
) -> None:
    def begin(asked: Asked) -> None:
        asked.head()
        asked.chunk(event(chunk("Begun")))
        asked.hold()

    with running(begin) as provider:
        program = talk(launch, terminal, {**alone, **openai_at(provider)})
        terminal.type("Well?")
        terminal.wait_shown("Begun")
        terminal.press(CTRL_C)
        assert provider.asked[0].left.wait(5)
        terminal.wait_shown("> ")
        terminal.press(CTRL_D)
        assert program.wait() == 0


def test_all_of_it_can_be_on_the_terminal(launch: Launch, terminal: Terminal, alone: dict[str, str]) -> None:
    command = (*IN_ITS_OWN_SESSION, *with_stderr((*MAIN, "chat")))
    program = launch(*command, settings=alone, stdin=terminal.theirs, stdout=terminal.theirs)
    terminal.wait_shown("directly, with the provider demo")
    terminal.wait_shown("> ")
    terminal.press(CTRL_D)
    assert program.wait() == 0
