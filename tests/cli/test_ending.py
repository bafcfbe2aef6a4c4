"""What is said of an answer's end, and which exit status it gives."""

import anyio
import pytest

from protocol.errors import Code
from protocol.messages import Done, Error
from sidecar.cli.advice import ADVICE, CONNECTION_LOST, CUT_OFF
from sidecar.cli.asking import Answer
from sidecar.cli.ending import report
from sidecar.cli.output import Output, OutputFailed, harmless


def test_there_is_advice_for_every_code() -> None:
    assert set(ADVICE) == {*Code, CONNECTION_LOST}
    for todo, status in (*ADVICE.values(), *CUT_OFF.values()):
        assert todo.endswith(".")
        assert 64 <= status < 78


@pytest.mark.parametrize("reason", ["stop", "other", None])
def test_only_a_whole_answer_gives_0(reason: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert report(Answer(end=Done(finish_reason=reason))) == 0  # type: ignore[arg-type]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("reason", ["length", "filtered", "refused"])
def test_what_is_cut_off_says_so(reason: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert report(Answer(end=Done(finish_reason=reason))) == 69  # type: ignore[arg-type]
    assert "answer" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("overloaded", 75),
        ("draining", 75),
        ("rate_limited", 75),
        ("timeout_first_token", 75),
        ("truncated", 75),
        ("connection_lost", 75),
        ("upstream_auth", 69),
        ("not_configured", 69),
        ("invalid_parameter", 64),
        ("too_large", 65),
        ("forbidden", 77),
        ("bad_message", 76),
        ("internal", 70),
        ("a code of next year", 70),
    ],
)
def test_an_error_is_shown_with_what_to_do(code: str, status: int, capfd: pytest.CaptureFixture[str]) -> None:
    error = Error(code=code, message="It\x1b[2J is\nso.", retry_after=2.5)
    assert report(Answer(end=error)) == status
    said = capfd.readouterr().err
    assert said.startswith(f"openai-moodle-sidecar: {code}: It[2J is so. It asks for 2.5 s of patience. ")
    assert said.count("\n") == 1
    assert ADVICE.get(code, ADVICE["internal"]).todo in said


def test_an_interrupted_answer_gives_130(capfd: pytest.CaptureFixture[str]) -> None:
    assert report(Answer(was_interrupted=True)) == 130
    assert capfd.readouterr().err == "openai-moodle-sidecar: interrupted\n"


def test_an_answer_that_was_faster_than_ctrl_c_is_whole() -> None:
    assert report(Answer(end=Done(finish_reason="stop"), was_interrupted=True)) == 0


def test_where_the_answer_went_comes_first(capfd: pytest.CaptureFixture[str]) -> None:
    done = Done(finish_reason="stop")
    assert report(Answer(end=done, output_failure=OutputFailed(None))) == 141
    assert capfd.readouterr().err == ""
    assert report(Answer(end=done, output_failure=OutputFailed("No space"))) == 74
    assert "cannot be written: No space" in capfd.readouterr().err


def test_harmless_keeps_text_and_takes_out_what_steers() -> None:
    every = "".join(map(chr, range(0x100)))
    kept = harmless(every)
    assert kept == "\t\n" + every[0x20:0x7F] + every[0xA0:]
    assert harmless("a\u202eb\u2066c\u200fd\u061ce") == "abcde"
    assert harmless("שלום 👩‍🏫 é\u2028") == "שלום 👩‍🏫 é\u2028"


def test_nothing_is_written_where_nothing_is_left(capfd: pytest.CaptureFixture[str]) -> None:
    anyio.run(Output().write, "\x1b")
    assert capfd.readouterr().out == ""
