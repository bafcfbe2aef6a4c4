"""`summarize` and `analyze`: a file in, an answer on stdout, and an exit status that tells whether it is whole."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Launch, Serve
from tests.e2e.program import MAIN, Program
from tests.e2e.scripts import KEY, openai_at
from tests.e2e.terminal import CTRL_C, IN_ITS_OWN_SESSION, Terminal, read_to_end, with_stderr
from tests.providers.scripted import Asked, Script, chunk, event, good, running, status, stream

TEXT = "A prime has two divisors. Nine has three. Bread needs flour. Water boils."
SUMMARY = "[Demo without a language model] Sentences of the text: A prime has two divisors. Nine has three.\n"


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """Settings with which no sidecar is found."""
    return {"SIDECAR_SOCKET": str(tmp_path / "none.sock"), "SIDECAR_TCP": "off"}


@pytest.fixture
def text(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text(TEXT)
    return tmp_path / "text.txt"


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with closing(Terminal()) as terminal:
        yield terminal


def run(launch: Launch, *arguments: str, settings: Mapping[str, str], stdin: bytes = b"") -> tuple[Program, str]:
    """Run a command to its end, and return it and what it wrote to stdout."""
    program = launch(*MAIN, *arguments, settings=settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    program.stdin.write(stdin)
    program.stdin.close()
    answer = read_to_end(program.stdout).decode()
    program.wait()
    return program, answer


def test_a_file_is_summarized(launch: Launch, text: Path, alone: dict[str, str]) -> None:
    options = ("--length", "short", "--style", "bullets")
    program, answer = run(launch, "summarize", *options, str(text), settings=alone)
    assert (program.wait(), program.said) == (0, "")
    assert "\n- A prime has two divisors.\n" in answer


def test_stdin_is_summarized_through_a_running_sidecar(launch: Launch, serve: Serve) -> None:
    server = serve()
    settings = {"SIDECAR_SOCKET": str(server.socket_path), "SIDECAR_PROVIDER": ""}
    program, answer = run(launch, "summarize", "-", settings=settings, stdin=b"\xef\xbb\xbf" + TEXT.encode())
    assert (program.wait(), program.said, answer) == (0, "", SUMMARY)
    server.wait_said("request done action=summarize")


def test_a_file_is_analyzed(launch: Launch, text: Path, alone: dict[str, str]) -> None:
    program, answer = run(launch, "analyze", str(text), settings={**alone, "MAX_TOKENS": "20"})
    assert program.wait() == 69
    assert answer.startswith("[Demo without a language model] This analysis is counted")
    assert program.said.startswith("openai-moodle-sidecar: The answer is cut off: it reached the most tokens")


def test_what_is_asked_for_reaches_the_model(launch: Launch, text: Path, alone: dict[str, str]) -> None:
    (text.parent / "course").write_text("A course on numbers.")
    with running(stream(good("Done."))) as provider:
        settings = {**alone, **openai_at(provider), "SIDECAR_MODELS": "m2"}
        options = ["--context", "course", "--model", "m2", "--language", "pt_br", "--style", "bullets"]
        program, answer = run(launch, "summarize", *options, "text.txt", settings=settings)
        asked: dict[str, Any] = provider.asked[0].json
    assert (program.wait(), answer) == (0, "Done.\n")
    system, message = asked["messages"]
    assert asked["model"] == "m2"
    assert "pt-br" in system["content"]
    assert "list of five" in system["content"]
    assert "A course on numbers." in message["content"]
    assert TEXT in message["content"]


def test_a_file_that_will_not_do_is_refused_before_anything_is_asked(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("Grüße".encode("latin-1"))
    program, answer = run(launch, "analyze", "latin", settings={})
    assert (program.wait(), answer) == (65, "")
    program.wait_said(r"latin is no text in UTF-8 \(byte 3\).*iconv")
    assert len(program.said.splitlines()) == 1


def cut(asked: Asked) -> None:
    asked.head()
    asked.chunk(event(chunk("Begun")))
    asked.cut()


@pytest.mark.parametrize(
    ("script", "exit_status", "answer", "said"),
    [
        (stream(good("Half", reason="length")), 69, "Half\n", "The answer is cut off: it reached"),
        (stream(good("Half", reason="content_filter")), 69, "Half\n", "the provider's filter stopped it"),
        (cut, 75, "Begun\n", "truncated: .* try again for the whole"),
        (status(401), 69, "", "upstream_auth: .* Check that OPENAI_API_KEY"),
        (status(404, {"error": {"message": "No model m\x1b[2J."}}), 69, "", r"upstream_bad_request: .*No model m"),
        (status(429, Retry_After="60"), 75, "", "upstream_rate_limited: .*60 s of patience.* Try again later"),
    ],
)
def test_what_is_not_whole_says_so(
    launch: Launch, text: Path, alone: dict[str, str], script: Script, exit_status: int, answer: str, said: str
) -> None:
    with running(script) as provider:
        program, got = run(launch, "summarize", str(text), settings={**alone, **openai_at(provider)})
    assert (program.wait(), got) == (exit_status, answer)
    program.wait_said(said)
    [line] = program.said.splitlines()
    assert line.isprintable()
    assert KEY not in program.said


def test_what_steers_a_terminal_is_taken_out(launch: Launch, text: Path, alone: dict[str, str]) -> None:
    evil = "\x1b]0;owned\x07a\tb\r\nc\x9b2J\x7f\x00\u202ed\u2066é", "\x1b", "[2J"
    with running(stream(good(*evil))) as provider:
        program, answer = run(launch, "summarize", str(text), settings={**alone, **openai_at(provider)})
    assert program.wait() == 0
    assert answer == "]0;owneda\tb\nc2Jdé[2J\n"


def test_ctrl_c_ends_it(launch: Launch, text: Path, alone: dict[str, str], terminal: Terminal) -> None:
    def begin(asked: Asked) -> None:
        asked.head()
        asked.chunk(event(chunk("Begun")))
        asked.hold()

    with running(begin) as provider:
        command = (*IN_ITS_OWN_SESSION, *with_stderr((*MAIN, "summarize", str(text))))
        settings = {**alone, **openai_at(provider)}
        program = launch(*command, settings=settings, stdin=terminal.theirs, stdout=terminal.theirs)
        terminal.wait_shown("directly, with the provider openai: no sidecar runs here")
        terminal.wait_shown("Begun")
        terminal.press(CTRL_C)
        assert provider.asked[0].left.wait(5)
        terminal.wait_shown("\r\nopenai-moodle-sidecar: interrupted")
        assert program.wait() == 130


def test_a_sidecar_that_does_not_react_is_left(launch: Launch, serve: Serve, text: Path, terminal: Terminal) -> None:
    server = serve()
    settings = {"SIDECAR_SOCKET": str(server.socket_path), "SIDECAR_PROVIDER": ""}
    command = (*IN_ITS_OWN_SESSION, *MAIN, "summarize", str(text))
    program = launch(*command, settings=settings, stdin=terminal.theirs, stdout=terminal.theirs)
    terminal.wait_shown("[Demo")
    server.signal(signal.SIGSTOP)
    terminal.press(CTRL_C)
    while program.process.poll() is None:  # two at once count as one
        terminal.press(CTRL_C)
        with suppress(subprocess.TimeoutExpired):
            program.process.wait(0.2)
    server.signal(signal.SIGCONT)
    # The last one may find it ending already: then the signal ends it, which a shell calls 130, too.
    assert program.wait() in (130, -signal.SIGINT)


def test_text_is_typed_in_a_terminal(launch: Launch, alone: dict[str, str], terminal: Terminal) -> None:
    command = (*IN_ITS_OWN_SESSION, *MAIN, "summarize", "-")
    program = launch(*command, settings=alone, stdin=terminal.theirs, stdout=terminal.theirs)
    program.wait_said("Ctrl-D on a new line ends it")
    terminal.type(TEXT)
    terminal.press(b"\x04")
    terminal.wait_shown("Sentences of the text: ")
    assert program.wait() == 0


def test_a_reader_who_leaves_ends_it_quietly(launch: Launch, text: Path, alone: dict[str, str]) -> None:
    reading, writing = os.pipe()
    program = launch(*MAIN, "summarize", str(text), settings=alone, stdout=writing)
    os.close(writing)
    assert os.read(reading, 1) == b"["
    os.close(reading)
    assert (program.wait(), program.said) == (141, "")


def test_a_full_disk_is_named(launch: Launch, text: Path, alone: dict[str, str]) -> None:
    with open("/dev/full", "wb") as full:
        program = launch(*MAIN, "summarize", str(text), settings=alone, stdout=full.fileno())
    assert program.wait() == 74
    program.wait_said("the answer cannot be written: No space left on device")


def test_with_json_the_answer_is_one_object(launch: Launch, text: Path, alone: dict[str, str]) -> None:
    program, answer = run(launch, "summarize", "--json", str(text), settings=alone)
    assert (program.wait(), program.said) == (0, "")
    written = json.loads(answer)
    assert [*written] == ["model", "finish_reason", "usage", "text"]
    assert (written["model"], written["finish_reason"], written["text"] + "\n") == ("demo", "stop", SUMMARY)
    program, answer = run(launch, "analyze", "--json", str(text), settings=alone)
    assert (program.wait(), program.said) == (0, "")
    written = json.loads(answer)
    assert [*written] == ["model", "finish_reason", "usage", "result"]
    assert written["result"]["readability"]["measure"] == "lix"
    assert all(idea.startswith("[Demo") for idea in written["result"]["main_ideas"])


def test_with_json_nothing_is_written_of_what_failed(launch: Launch, text: Path, alone: dict[str, str]) -> None:
    with running(cut) as provider:
        program, got = run(launch, "summarize", "--json", str(text), settings={**alone, **openai_at(provider)})
    assert (program.wait(), got) == (75, "")
    with open("/dev/full", "wb") as full:
        program = launch(*MAIN, "summarize", "--json", str(text), settings=alone, stdout=full.fileno())
    assert program.wait() == 74


def test_several_files_and_a_web_page_are_summarized_together(
    launch: Launch, text: Path, alone: dict[str, str]
) -> None:
    (text.parent / "page.html").write_text("<h1>Bread</h1><p>Bread needs water and salt.</p>")
    with running(stream(good("Done."))) as provider:
        settings = {**alone, **openai_at(provider)}
        program, answer = run(launch, "summarize", "text.txt", "page.html", settings=settings)
        asked: dict[str, Any] = provider.asked[0].json
    assert (program.wait(), answer) == (0, "Done.\n")
    assert f"{TEXT}\n\n# Bread\n\nBread needs water and salt." in asked["messages"][1]["content"]


def test_how_far_it_is_stands_on_a_line_of_the_terminal_until_the_answer_comes(
    launch: Launch, tmp_path: Path, alone: dict[str, str], terminal: Terminal
) -> None:
    (tmp_path / "long.txt").write_text("A prime has two divisors, and nine has three. " * 500)
    command = (*IN_ITS_OWN_SESSION, *with_stderr((*MAIN, "summarize", "long.txt")))
    settings = {**alone, "SIDECAR_CONTEXT_TOKENS": "4096"}
    program = launch(*command, settings=settings, stdin=terminal.theirs, stdout=terminal.theirs)
    shown = terminal.wait_shown("Sentences of the text: ")
    assert program.wait() == 0
    assert "\r\x1b[Ksummarizing: 0 of 5\r\x1b[K" in shown
    assert "summarizing: 5 of 5\r\x1b[K[Demo" in shown
