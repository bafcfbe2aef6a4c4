"""How a command is chosen and begun; what the commands do is in tests/e2e."""

import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sidecar import __version__, process
from sidecar.cli import main, serve, stdio
from sidecar.cli.parser import COMMANDS
from tests.e2e.program import PATIENCE_SECONDS, environment

KEY = "sk-canary-4ZpX1QnM"

Run = list[tuple[Path | None, dict[str, str]]]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Run:
    """What `serve` was run with; nothing of this process is changed."""
    runs: Run = []

    def run(options: SimpleNamespace) -> int:
        runs.append((options.env_file, options.overrides))
        return 42

    monkeypatch.setattr(serve, "run", run)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(process, "open_standard_descriptors", lambda: None)
    monkeypatch.setattr(process, "collect_garbage_seldom", lambda: None)
    monkeypatch.setattr(process, "pause_garbage_collection", lambda: None)
    return runs


def test_a_command_is_run_and_its_status_is_that_of_the_program(served: Run) -> None:
    assert main(["serve"]) == 42
    assert served == [(None, {})]


@pytest.mark.parametrize("arguments", [["--env-file", "my.env", "serve"], ["serve", "--env-file", "my.env"]])
def test_the_file_of_settings_may_stand_before_and_behind_the_command(served: Run, arguments: list[str]) -> None:
    assert main(arguments) == 42
    assert served == [(Path("my.env"), {})]


def test_the_older_options_become_settings(served: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdio, "run", serve.run)  # which of the two is meant depends on the stdin of the tests
    assert (
        main(["--base-url", "https://example.org", "--model=m", "--max-tokens", "5", "--summarize-threshold=7"]) == 42
    )
    [(_, overrides)] = served
    assert overrides == {
        "OPENAI_BASE_URL": "https://example.org",
        "OPENAI_MODEL": "m",
        "MAX_TOKENS": "5",
        "SUMMARIZE_THRESHOLD": "7",
    }


def test_the_older_options_go_without_a_command(served: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--model", "m", "serve"])
    assert served == []
    assert "the options of the older sidecar go without a command" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["stdio", "--api-key", KEY],
        ["--api-key", KEY, "serve"],
        [KEY],
        ["--apikey", KEY],
        ["serve", KEY],
        [f"--version={KEY}"],
    ],
)
def test_what_is_wrong_on_the_command_line_is_not_repeated(
    served: Run, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert "error: " in said
    assert "canary" not in said


def test_the_help_names_every_command(served: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert all(command in text for command in COMMANDS)


def test_the_version_is_told(served: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"openai-moodle-sidecar {__version__}\n"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_before_it_is_up_ends_it(number: signal.Signals, status: int) -> None:
    """As PID 1 it would not hear SIGTERM at all without a handler; the event loop's comes late."""
    script = """
import signal
from sidecar.cli import main, serve
serve.run = lambda *_: (print("up", flush=True), signal.pause())
main(["serve"])
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"up\n"
        program.send_signal(number)
        assert program.wait(PATIENCE_SECONDS) == status


def test_a_bug_is_told_to_the_hook_for_bugs_and_ends_with_70(served: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    bug = RuntimeError("a bug")

    def fail(options: SimpleNamespace) -> int:
        raise bug

    told: list[object] = []
    monkeypatch.setattr(serve, "run", fail)
    monkeypatch.setattr(sys, "excepthook", lambda _kind, exc, _trace: told.append(exc))
    assert main(["serve"]) == 70
    assert told == [bug]


@pytest.mark.parametrize(("command", "keeps_start"), [("serve", False), ("stdio", True)])
def test_what_serves_looks_for_garbage_and_what_reads_its_settings_again_does_so_among_all(
    command: str, keeps_start: bool, tmp_path: Path
) -> None:
    script = f"""
import gc, os, sys
from sidecar import app
from sidecar.cli import main

async def serve(*_, **__):
    os.write(2, repr((gc.isenabled(), gc.get_freeze_count() > 10_000)).encode())
    return 0

app.serve = app.serve_stdio = serve
sys.exit(main([{command!r}]))
"""
    settings = environment(SIDECAR_SOCKET=str(tmp_path / "s.sock"), SIDECAR_TCP="off")
    ran = subprocess.run(
        [sys.executable, "-c", script], env=settings, input=b"", capture_output=True, timeout=PATIENCE_SECONDS
    )
    assert ran.returncode == 0
    assert repr((True, keeps_start)) in ran.stderr.decode()
