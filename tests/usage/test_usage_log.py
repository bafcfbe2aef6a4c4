import json
import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sidecar.usage import UsageFileError, UsageLog, open_usage_log
from sidecar.usage.usage_log import MAX_TAIL_BYTES, Record, now_in_utc


def record(course: str = "7", *, hours_ago: float = 0.0) -> Record:
    when = datetime.now(UTC) - timedelta(hours=hours_ago)
    return Record(
        time=when.isoformat(),
        action="chat",
        provider="openai",
        model="m",
        user="ada",
        course=course,
        outcome="stop",
        prompt_tokens=3,
        completion_tokens=2,
        seconds=0.5,
    )


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for the thread that writes."""
    deadline = time.monotonic() + 5
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_each_record_is_one_line_of_json(tmp_path: Path) -> None:
    path = tmp_path / "usage.jsonl"
    with UsageLog(path) as log:
        for course in ("7", "a\nb"):
            log.put(record(course))
    first, second = lines(path)
    assert (first["course"], second["course"]) == ("7", "a\nb")
    assert first["prompt_tokens"] == 3
    assert "estimated" not in first
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    path = tmp_path / "usage.jsonl"
    for _ in range(2):
        with UsageLog(path) as log:
            log.put(record())
    assert len(lines(path)) == 2


@pytest.mark.parametrize("way", ["renamed", "copied and truncated", "deleted"])
def test_it_may_be_rotated_while_it_is_written(tmp_path: Path, way: str) -> None:
    path, old = tmp_path / "usage.jsonl", tmp_path / "usage.jsonl.1"
    with UsageLog(path) as log:
        log.put(record("before"))
        wait_until(lambda: path.stat().st_size > 0)
        if way == "renamed":
            path.rename(old)
        elif way == "deleted":
            path.unlink()
        else:
            os.truncate(path, 0)
        log.put(record("after"))
    assert [line["course"] for line in lines(path)] == ["after"]
    if way == "renamed":
        assert [line["course"] for line in lines(old)] == ["before"]


def test_a_full_disk_loses_lines_says_so_and_holds_up_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with UsageLog(Path("/dev/full")) as log:
        for _ in range(10_000):  # more than may wait
            log.put(record())
    [complaint] = [entry for entry in caplog.records if entry.levelno == logging.WARNING]
    assert "SIDECAR_USAGE_FILE" in complaint.getMessage()


def test_a_file_that_cannot_be_opened_is_an_error_at_the_start_that_names_the_setting(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageFileError, match=r"SIDECAR_USAGE_FILE.*No such file"),
        open_usage_log(tmp_path / "gone" / "usage.jsonl"),
    ):
        pass


def test_without_a_path_there_is_none() -> None:
    with open_usage_log(None) as log:
        assert log is None


def test_the_tail_is_what_is_there_of_the_last_day(tmp_path: Path) -> None:
    path = tmp_path / "usage.jsonl"
    with UsageLog(path) as log:
        for course, hours_ago in (("old", 25.0), ("yesterday", 23.0), ("tomorrow", -1.0), ("now", 0.0)):
            log.put(record(course, hours_ago=hours_ago))
    with path.open("ab") as file:
        file.write(b'{"time":"2026-1\n\xff\n[]\n{"time":"never","action":"chat"}\n{"time":')
    with UsageLog(path) as log:
        assert [entry.course for entry in log.read_tail()] == ["yesterday", "now"]


def test_of_a_long_file_only_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "usage.jsonl"
    with path.open("wb") as file:
        file.truncate(10 * MAX_TAIL_BYTES)
    with UsageLog(path) as log:
        log.put(record("cut off"))
    with path.open("ab") as file:
        file.write(b"\n")
    with UsageLog(path) as log:
        log.put(record("whole"))
    with UsageLog(path) as log:
        assert [entry.course for entry in log.read_tail()] == ["whole"]


def test_a_tail_that_cannot_be_read_is_said_and_no_reason_not_to_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "usage.jsonl"
    with UsageLog(path) as log:
        path.unlink()
        assert log.read_tail() == []
    assert "cannot be read" in caplog.text


def test_times_are_in_utc() -> None:
    assert now_in_utc().endswith("Z")
    assert abs(datetime.fromisoformat(now_in_utc()).timestamp() - time.time()) < 60
