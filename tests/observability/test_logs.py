import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from pathlib import Path

import pytest

from sidecar.observability import LogFileError, start_logging
from sidecar.observability.logs import MAX_TEXT_CHARACTERS
from sidecar.secret import Secret

CANARY = "canary-0123456789"
ROOT = Path(__file__).parents[2]
logger = logging.getLogger("sidecar.somewhere")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sidecar.log"


def read_texts(path: Path) -> list[str]:
    """Return what stands behind the time in each line."""
    lines = path.read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \w+ ", line) for line in lines)
    return [line[25:] for line in lines]


def spawn(code: str, *, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """Start a process that logs to stderr while it runs `code`."""
    head = "import logging, sys\nfrom sidecar.observability import start_logging\nwith start_logging('info', None):\n"
    command = [sys.executable, "-c", head + textwrap.indent(code, "    ")]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr)


def run(code: str) -> tuple[int, str]:
    """Return the exit status of such a process, and what it logged."""
    with spawn(code) as process:
        _, logged = process.communicate(timeout=20)
        return process.returncode, logged


def test_events_from_the_level_on_are_lines_of_the_file(path: Path) -> None:
    with start_logging("info", path):
        logger.debug("one")
        logger.info("request %s ends: %s", "4f3a", "stop")
        logger.error("three")
    assert read_texts(path) == ["INFO  request 4f3a ends: stop", "ERROR three"]


def test_secrets_are_masked_those_that_come_later_too(path: Path) -> None:
    with start_logging("info", path, secrets=[Secret(CANARY)]) as log:
        log.redaction.add(Secret("later-0123456789"))
        logger.info("%s %s", CANARY, "later-0123456789")
    assert read_texts(path) == ["INFO  *** ***"]


def test_an_exception_is_on_the_same_line_without_what_it_quotes(path: Path) -> None:
    with start_logging("info", path):
        try:
            int("canary")
        except ValueError:
            logger.exception("request 4f3a ends: internal")
        logger.error("none", exc_info=True)  # noqa: LOG014
    first, second = read_texts(path)
    assert first.startswith("ERROR request 4f3a ends: internal: ValueError (in observability/test_logs.py:")
    assert "canary" not in first
    assert second == "ERROR none"


def test_arguments_that_do_not_fit_are_logged_as_such(path: Path) -> None:
    with start_logging("info", path):
        logger.info("%d", "canary")
    (text,) = read_texts(path)
    assert re.fullmatch(r"INFO  test_logs\.py:\d+ logs arguments that do not fit its text", text)


def test_a_long_text_is_cut(path: Path) -> None:
    with start_logging("info", path):
        logger.info("x" * 10**6)
    assert read_texts(path) == ["INFO  " + "x" * MAX_TEXT_CHARACTERS]


@pytest.mark.parametrize(("level", "expected"), [("debug", ["WARNING two", "ERROR three"]), ("error", ["ERROR three"])])
@pytest.mark.parametrize("name", ["httpx", "httpcore.http11", "h11", "hpack.hpack", "asyncio"])
def test_libraries_that_show_headers_never_go_into_detail(
    path: Path, name: str, level: str, expected: list[str]
) -> None:
    with start_logging(level, path):
        library = logging.getLogger(name)
        library.info("one")
        library.warning("two")
        library.error("three")
    assert read_texts(path) == expected


def test_what_asyncio_says_of_a_task_is_left_out(path: Path) -> None:
    with start_logging("info", path):
        logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <Task exception='canary'>")
    assert read_texts(path) == ["ERROR Task exception was never retrieved"]


def test_warnings_are_logged(path: Path) -> None:
    with start_logging("info", path), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("careful", stacklevel=1)
    assert "UserWarning: careful" in read_texts(path)[0]


def test_an_exception_that_ends_a_thread_is_logged(path: Path) -> None:
    def fail(exc: BaseException) -> None:
        raise exc

    with start_logging("info", path):
        for exc in (KeyError("canary"), SystemExit("canary")):
            thread = threading.Thread(target=fail, args=(exc,))
            thread.start()
            thread.join(5)
    (text,) = read_texts(path)
    assert text.startswith("CRITICAL a thread ends by a bug: KeyError (in ")


def test_an_exception_that_nothing_could_catch_is_logged(path: Path) -> None:
    class Failing:
        def __del__(self) -> None:
            raise KeyError("canary")

    with start_logging("info", path):
        Failing()
    (text,) = read_texts(path)
    assert text.startswith("ERROR an exception that nothing could catch: KeyError (in ")


def test_a_garbage_collection_may_log_in_the_middle_of_logging(path: Path) -> None:
    class Logging:
        def __str__(self) -> str:
            logger.info("inner")
            return "outer"

    with start_logging("info", path):
        logger.info("%s", Logging())
    assert read_texts(path) == ["INFO  inner", "INFO  outer"]


@pytest.mark.parametrize("ending", [None, SystemExit])
def test_afterwards_everything_is_as_it_was(path: Path, ending: type[BaseException] | None) -> None:
    def state() -> list[object]:
        levels = [logging.getLogger(name).level for name in ("", "httpx", "asyncio")]
        hooks = [sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning]
        return [logging.getLogger().handlers, logging.lastResort, logging.raiseExceptions, *levels, *hooks]

    before, threads = state(), set(threading.enumerate())
    try:
        with start_logging("debug", path):
            assert state() != before
            if ending:
                raise ending
    except SystemExit:
        pass
    assert state() == before
    assert set(threading.enumerate()) <= threads


def test_a_file_that_cannot_be_opened_is_an_error_without_its_name(tmp_path: Path) -> None:
    with pytest.raises(LogFileError) as caught, start_logging("info", tmp_path / "gone" / "x.log"):
        pass
    assert str(caught.value) == "SIDECAR_LOG_FILE must name a file that can be written: No such file or directory."


class TestStderr:
    def test_it_takes_the_lines_where_no_file_is_named(self) -> None:
        status, logged = run("logging.info('hello')")
        assert status == 0
        assert re.fullmatch(r"\S+Z INFO  hello\n", logged)

    def test_a_bug_that_ends_the_process_is_one_line_without_what_it_quotes(self) -> None:
        status, logged = run("raise ValueError('canary')")
        assert status == 1
        assert re.fullmatch(r"\S+Z CRITICAL the process ends by a bug: ValueError \(in \S+ <module>\)\n", logged)

    def test_a_keyboard_interrupt_ends_the_process_without_a_trace(self) -> None:
        assert run("raise KeyboardInterrupt") == (-signal.SIGINT, "")

    def test_nobody_reading_it_stops_nothing(self) -> None:
        code = (
            "for n in range(10_000): logging.info('%d %s', n, 'x' * 100)\nprint('done', flush=True)\nsys.stdin.read()"
        )
        with spawn(code) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "done\n"
            _, logged = process.communicate(timeout=20)
        assert process.returncode == 0
        lost = sum(map(int, re.findall(r"Z WARNING ([0-9]+) lines of the log were lost\n", logged)))
        assert lost > 1_000
        assert lost + logged.count(" INFO ") == 10_000

    def test_a_full_pipe_holds_the_end_for_half_a_second_only(self) -> None:
        read, write = os.pipe()
        code = "for n in range(10_000): logging.info('%d %s', n, 'x' * 100)\nprint('done', flush=True)"
        with spawn(code, stderr=write) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "done\n"
            began = time.monotonic()
            assert process.wait(20) == 0
            assert time.monotonic() - began < 5
        os.close(write)
        os.close(read)


def test_the_log_may_go_on_in_another_file_and_from_another_level(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.log"
    with start_logging("info", path) as log:
        logger.debug("unseen")
        logger.info("first")
        log.change("debug", other)
        logger.debug("second")
        logging.getLogger("httpx").info("unseen")
        with pytest.raises(LogFileError):
            log.change("error", tmp_path / "gone" / "x.log")
        logger.debug("third")
    assert read_texts(path) == ["INFO  first"]
    assert read_texts(other) == ["DEBUG second", "DEBUG third"]
    assert logging.getLogger("httpx").level == logging.NOTSET
