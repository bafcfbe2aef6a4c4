"""The log: one line per event, `2026-11-23T09:22:01.123Z INFO  text`, without secrets, and never in anybody's way."""

import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

from sidecar.observability.output import Output
from sidecar.observability.redaction import Redaction
from sidecar.observability.traces import describe
from sidecar.observability.writer import Line, Writer
from sidecar.secret import Secret

# With the bound of the queue, what waits stays below some 32 MiB.
MAX_TEXT_CHARACTERS = 16_384
# In detail they would show headers, and with them the key.
_KEPT_QUIET = ("httpx", "httpcore", "h11", "hpack", "asyncio")

_logger = logging.getLogger(__name__)


class LogFileError(Exception):
    """The file for the log cannot be opened; `str()` is a line that says why."""


class Log:
    """The log that was started."""

    def __init__(self, writer: Writer, redaction: Redaction) -> None:
        self._writer = writer
        self.redaction = redaction
        """For secrets that come later."""

    def change(self, level: str, path: Path | None) -> None:
        """Log from another level on, and to another file, or to the one that stands at the same path now.

        Raises:
            LogFileError: the file cannot be opened; all is as it was.
        """
        self._writer.switch(_open(path))
        _set_levels(logging.getLevelNamesMapping()[level.upper()])


@contextmanager
def start_logging(level: str, path: Path | None, *, secrets: Iterable[Secret] = ()) -> Iterator[Log]:
    """Send all that is logged from `level` on to the file at `path`, or to stderr, with `secrets` masked.

    Warnings and exceptions that nobody caught are logged too. On
    leaving, what waits is written for at most half a second.

    Raises:
        LogFileError: the file cannot be opened. If that happens later, the lines are counted as lost.
    """
    output = _open(path)
    redaction = Redaction(secrets)
    writer = Writer(output, redaction)
    writer.start()
    installed = _install(writer, logging.getLevelNamesMapping()[level.upper()])
    try:
        yield Log(writer, redaction)
    finally:
        if isinstance(sys.exception(), SystemExit | None):
            installed.close()
            writer.stop()
        else:  # on its way out of the process: sys.excepthook comes after this, and logs it
            writer.flush()


def _open(path: Path | None) -> Output:
    try:
        return Output(path)
    except OSError as exc:
        raise LogFileError(f"SIDECAR_LOG_FILE must name a file that can be written: {exc.strerror}.") from exc


def _set_levels(level: int) -> None:
    logging.getLogger().setLevel(level)
    for name in _KEPT_QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


class _Handler(logging.Handler):
    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except (KeyError, TypeError, ValueError):
            text = f"{record.filename}:{record.lineno} logs arguments that do not fit its text"
        if record.name == "asyncio":
            text = text.partition("\n")[0]  # below it stands the repr of a task, and in that one of its exception
        if record.exc_info and record.exc_info[1]:
            text = f"{text}: {describe(record.exc_info[1])}"
        self._writer.put(Line(record.created, record.levelname, text[:MAX_TEXT_CHARACTERS]))


def _install(writer: Writer, level: int) -> ExitStack:
    """Make `writer` the end of everything that is logged. Closing the stack puts back what was there before."""
    handler = _Handler(writer)
    stack = ExitStack()

    def replace(owner: object, name: str, value: object) -> None:
        stack.callback(setattr, owner, name, getattr(owner, name))
        setattr(owner, name, value)

    root = logging.getLogger()
    replace(root, "handlers", [handler])
    for name in (None, *_KEPT_QUIET):
        stack.callback(logging.getLogger(name).setLevel, logging.getLogger(name).level)
    _set_levels(level)
    # It would print a message with its arguments to stderr: past the masks, and waiting for whoever reads there.
    replace(logging, "raiseExceptions", False)
    replace(logging, "lastResort", handler)
    logging.captureWarnings(True)
    stack.callback(logging.captureWarnings, False)
    _install_hooks(replace, writer)
    return stack


def _install_hooks(replace: Callable[[object, str, object], None], writer: Writer) -> None:
    """Log what nobody caught, where Python would print it with all that it quotes."""

    def log_uncaught(kind: type[BaseException], exc: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            _logger.critical("the process ends by a bug", exc_info=exc)
            writer.flush()

    def log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
        if not issubclass(args.exc_type, SystemExit):
            _logger.critical("a thread ends by a bug", exc_info=args.exc_value)

    def log_unraisable(args: "sys.UnraisableHookArgs") -> None:
        _logger.error("%s", args.err_msg or "an exception that nothing could catch", exc_info=args.exc_value)

    replace(sys, "excepthook", log_uncaught)
    replace(threading, "excepthook", log_uncaught_in_thread)
    replace(sys, "unraisablehook", log_unraisable)
