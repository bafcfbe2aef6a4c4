"""The thread that writes the log, and the queue before it: whoever logs never waits for a full pipe or a slow disk."""

import threading
import time
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import NamedTuple

from sidecar.observability.output import Output
from sidecar.observability.redaction import Redaction, escape

# A thousand requests may end at once, and each says two things.
MAX_QUEUED_LINES = 2048
_FLUSH_SECONDS = 0.5


class Line(NamedTuple):
    """What is to be logged: when in seconds since 1970, and the text as it came."""

    created: float
    level: str
    text: str


class Writer(threading.Thread):
    """Writes lines in their order. Those for which there is no room are counted, and that is said later."""

    def __init__(self, output: Output, redaction: Redaction) -> None:
        super().__init__(name="log", daemon=True)
        self._output = output
        self._redaction = redaction
        # Unlike Queue, it may be used by what interrupts its own use: a signal handler, the garbage collector.
        self._queue: SimpleQueue[Line | Output | threading.Event | None] = SimpleQueue()
        # Each is counted on one side only, so that neither side waits for a lock.
        self._refused_lines = 0
        self._failed_lines = 0
        self._reported_lines = 0

    def put(self, line: Line) -> None:
        """Queue `line` or count it as lost; never wait."""
        if self._queue.qsize() < MAX_QUEUED_LINES:
            self._queue.put(line)
        else:
            self._refused_lines += 1

    def switch(self, output: Output) -> None:
        """Write to `output` what is queued from now on, and close the one before."""
        self._queue.put(output)

    def flush(self) -> None:
        """Wait until all that is queued was written, for at most half a second."""
        is_written = threading.Event()
        self._queue.put(is_written)
        is_written.wait(_FLUSH_SECONDS)

    def stop(self) -> None:
        """Flush, and end the thread. One that is stuck is left to the end of the process."""
        self._queue.put(None)
        self.join(_FLUSH_SECONDS)

    def run(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, threading.Event):
                item.set()
            elif isinstance(item, Output):
                self._output.close()
                self._output = item
            elif not (self._report_lost() and self._write(item)):
                self._failed_lines += 1
        self._report_lost()
        self._output.close()

    def _report_lost(self) -> bool:
        """Say how many lines were lost since the last time. Gives whether there was room to say it."""
        lost = self._refused_lines + self._failed_lines - self._reported_lines
        if lost == 0:
            return True
        if not self._write(Line(time.time(), "WARNING", f"{lost} lines of the log were lost")):
            return False
        self._reported_lines += lost
        return True

    def _write(self, line: Line) -> bool:
        time_of_day = datetime.fromtimestamp(line.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        text = escape(self._redaction.mask(f"{time_of_day}Z {line.level:<5} {line.text}"))
        try:
            self._output.write(text.encode() + b"\n")
        except OSError:
            return False
        return True
