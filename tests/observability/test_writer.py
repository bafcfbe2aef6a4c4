import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.observability.output import Output
from sidecar.observability.redaction import Redaction
from sidecar.observability.writer import MAX_QUEUED_LINES, Line, Writer
from sidecar.secret import Secret

CANARY = "canary-0123456789"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "sidecar.log"


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    path.parent.mkdir()
    writer = Writer(Output(path), Redaction([Secret(CANARY)]))
    writer.start()
    yield writer
    writer.stop()
    assert not writer.is_alive()


def line(text: str) -> Line:
    return Line(1795425721.1239, "INFO", text)


def test_a_line_has_its_time_in_utc_its_level_and_its_text(writer: Writer, path: Path) -> None:
    writer.put(line("hello"))
    writer.put(Line(0, "WARNING", "old"))
    writer.flush()
    assert path.read_text() == "2026-11-23T09:22:01.123Z INFO  hello\n1970-01-01T00:00:00.000Z WARNING old\n"


def test_one_event_is_one_line_without_secrets(writer: Writer, path: Path) -> None:
    writer.put(line(f"{CANARY}\nforged \u2028\ud800 line"))
    writer.flush()
    assert path.read_text() == "2026-11-23T09:22:01.123Z INFO  ***\\x0aforged \\u2028\\ud800 line\n"


def test_what_could_not_be_written_is_counted_and_reported_once_there_is_room(writer: Writer, path: Path) -> None:
    shutil.rmtree(path.parent)
    for _ in range(3):
        writer.put(line("lost"))
    writer.flush()
    path.parent.mkdir()
    writer.put(line("written"))
    writer.put(line("as well"))
    writer.flush()
    texts = [text[25:] for text in path.read_text().splitlines()]
    assert texts == ["WARNING 3 lines of the log were lost", "INFO  written", "INFO  as well"]


def test_it_is_reported_at_the_end_at_the_latest(path: Path) -> None:
    path.parent.mkdir()
    writer = Writer(Output(path), Redaction())
    writer.start()
    shutil.rmtree(path.parent)
    writer.put(line("lost"))
    writer.flush()
    path.parent.mkdir()
    writer.stop()
    assert path.read_text().endswith("WARNING 1 lines of the log were lost\n")


def test_a_full_disk_stops_nothing() -> None:
    writer = Writer(Output(Path("/dev/full")), Redaction())
    writer.start()
    for _ in range(100):
        writer.put(line("lost"))
    writer.stop()
    assert not writer.is_alive()


def test_a_pipe_that_nobody_reads_stops_only_the_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    writer = Writer(Output(tmp_path / "pipe"), Redaction())
    writer.start()
    for _ in range(2 * MAX_QUEUED_LINES):
        writer.put(line("x" * 1000))
    writer.flush()
    writer.stop()
    assert writer.is_alive()

    os.set_blocking(reader, True)
    with open(reader) as file:
        lines = file.readlines()
    writer.join(5)
    reports = [
        int(found[1]) for text in lines if (found := re.search(r"WARNING (\d+) lines of the log were lost", text))
    ]
    assert len(lines) - len(reports) + sum(reports) == 2 * MAX_QUEUED_LINES
    assert sum(reports) > 0
