"""The log of usage: a file with one line of JSON for each reply, without names and texts."""

import logging
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

import msgspec

from sidecar.observability import Output, Seldom

_logger = logging.getLogger(__name__)

# A thousand replies may end at once; each line has about 250 bytes.
_MAX_QUEUED_LINES = 4096
_STOP_SECONDS = 0.5

# What is read of it at a start: a day of 30,000 replies.
MAX_TAIL_BYTES = 8 * 1024 * 1024


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one reply has cost."""

    time: str
    """When it ended, in UTC."""
    action: str
    provider: str
    model: str
    user: str | None = None
    """A pseudonym."""
    course: str | None = None
    outcome: str
    """Its `finish_reason`, the code of its error, or `shared`: another one has paid."""
    prompt_tokens: int
    completion_tokens: int
    estimated: bool = False
    seconds: float

    @property
    def age_seconds(self) -> float:
        """How long ago that was. Raises ValueError where `time` is none."""
        return time.time() - datetime.fromisoformat(self.time).timestamp()


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Record).decode


def now_in_utc() -> str:
    """Return the time as records have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def open_usage_log(path: Path | None) -> "AbstractContextManager[UsageLog | None]":
    """Give the log at `path`, or None where there is to be none. Raises UsageFileError on entry."""
    return UsageLog(path) if path is not None else nullcontext()


class UsageFileError(Exception):
    """The file cannot be opened; `str()` is a line that says why."""


class UsageLog:
    """Appends records to a file, in a thread: nobody waits for a disk. A context manager.

    The file may be rotated meanwhile. What cannot be written is counted, and the log says so.

    Raises:
        UsageFileError: on entry, where the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue: SimpleQueue[Record | None] = SimpleQueue()
        self._output: Output
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
        self._lost = 0
        self._complaint = Seldom()

    def __enter__(self) -> Self:
        try:
            self._output = Output(self._path)
        except OSError as exc:
            raise UsageFileError(f"SIDECAR_USAGE_FILE must name a file that can be written: {exc.strerror}.") from exc
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._thread.join(_STOP_SECONDS)

    def put(self, record: Record) -> None:
        """Queue a record; never wait."""
        if self._queue.qsize() < _MAX_QUEUED_LINES:
            self._queue.put(record)
        else:
            self._lose("the disk is too slow")

    def read_tail(self) -> list[Record]:
        """Return the records at the end of the file, oldest first: those of the last day, or of the last 8 MiB.

        What cannot be read is left out: a start must not fail for it.
        """
        try:
            with self._path.open("rb") as file:
                end = file.seek(0, 2)
                file.seek(max(end - MAX_TAIL_BYTES, 0))
                lines = file.read(MAX_TAIL_BYTES).split(b"\n")
        except OSError as exc:
            _logger.warning("the usage of the last day cannot be read: %s", exc.strerror)
            return []
        records = []
        for line in lines:
            try:
                record = _decode(line)
                if 0 <= record.age_seconds <= 86_400:
                    records.append(record)
            except (msgspec.DecodeError, UnicodeDecodeError, ValueError):  # half a line, or not ours
                continue
        return records

    def _run(self) -> None:
        while (record := self._queue.get()) is not None:
            try:
                self._output.write(_encode(record) + b"\n")
            except OSError as exc:
                self._lose(exc.strerror or "an error without a name")
        self._output.close()

    def _lose(self, why: str) -> None:
        self._lost += 1
        if self._complaint.is_due():
            _logger.warning("%d lines of SIDECAR_USAGE_FILE were lost so far: %s", self._lost, why)
