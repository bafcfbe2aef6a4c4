"""Which command was meant, and that it is run."""

import importlib
import os
import signal
import stat
import sys
from collections.abc import Sequence
from types import SimpleNamespace

from sidecar import process
from sidecar.cli.speaking import PROGRAM, say

_EX_SOFTWARE = 70

# Somebody waits for these to start.
_SERVING = ("serve", "stdio")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status of the process."""
    # As PID 1, a process without a handler would not hear SIGTERM at all; the event loop's own comes later.
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda number, _frame: os._exit(128 + number))
    process.collect_garbage_seldom()
    process.open_standard_descriptors()
    chosen = _choose(sys.argv[1:] if arguments is None else arguments)
    name = chosen.command or _guess_command()
    if name in _SERVING:
        process.pause_garbage_collection()
    command = importlib.import_module(f"sidecar.cli.{name}")
    try:
        status: int = command.run(chosen)
    except Exception:  # noqa: BLE001 - the last fence: the hook of the log, where that has begun, says it masked
        sys.excepthook(*sys.exc_info())
        return _EX_SOFTWARE
    return status


def _choose(arguments: Sequence[str]) -> SimpleNamespace:
    """Return the options of a command (see `parser.parse`)."""
    if len(arguments) == 1 and arguments[0] in _SERVING:
        # Without argparse: to load it and to build the parsers of all commands takes 10 ms.
        return SimpleNamespace(command=arguments[0], env_file=None, overrides={})
    from sidecar.cli.parser import parse

    return parse(arguments)


def _guess_command() -> str:
    mode = os.fstat(0).st_mode
    for is_kind, kind in ((stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket"), (stat.S_ISREG, "file")):
        if is_kind(mode):
            say(f"stdin is a {kind}: serving the requests in it, and no sockets (for those: {PROGRAM} serve).")
            return "stdio"
    return "serve"
