"""The options of the commands for people."""

import argparse
import re
import signal
from collections.abc import Iterator

import pytest

from sidecar.cli.arguments import ARGUMENTS
from sidecar.cli.checks import NAMES
from sidecar.cli.main import main
from sidecar.cli.parser import COMMANDS


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """`main` takes them for the whole process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def parse(command: str, *arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    ARGUMENTS[command].add(parser)
    return parser.parse_args(arguments)


def test_all_can_be_said() -> None:
    chosen = parse("chat", "--context", "f", "--model", "a/b:c", "--language", "pt_br", "--instructions", 4000 * "x")
    assert (chosen.context, chosen.ask_model, chosen.language) == ("f", "a/b:c", "pt_br")
    chosen = parse("summarize", "-", "--length", "short", "--style", "bullets")
    assert (chosen.files, chosen.length, chosen.style) == (["-"], "short", "bullets")
    assert parse("analyze", "f", "g", "--json").files == ["f", "g"]
    assert parse("doctor", "--json").json


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("chat", "--model", "two words"), "it must be a model's name"),
        (("chat", "--model", 129 * "x"), "it must be a model's name"),
        (("chat", "--language", "5"), "it must be the code of a language"),
        (("chat", "--instructions", 4001 * "x"), "at most 4000 characters"),
        (("summarize", "f", "--length", "canary"), "--length: invalid choice"),
        (("summarize",), "required: FILE"),
        (("chat", "canary"), "unrecognized arguments"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert said in error
    assert "canary" not in error


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert "--env-file FILE" in shown
    if command in ("chat", "summarize", "analyze"):
        for word in ("--model", "--language", "--context", "exit status:", "  75 "):
            assert word in shown
    assert max(map(len, ARGUMENTS[command].epilog.splitlines() if command in ARGUMENTS else [""])) <= 120


def test_the_help_of_doctor_names_every_check_in_its_order() -> None:
    _, _, names = ARGUMENTS["doctor"].epilog.partition("in this order:")
    places = [re.search(rf"\b{name}\b", names) for name in (*NAMES, "key_2", "fallback_1", "fallback_1_key_2")]
    starts = [place.start() for place in places if place is not None]
    assert len(starts) == len(places)
    assert starts == sorted(starts)
