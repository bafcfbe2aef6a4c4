"""Starts a process; who starts it must have one thread only."""

import os
import signal
from collections.abc import Callable, Mapping
from typing import NoReturn

_EXIT_NOT_STARTED = 127

# Python ignores these, and what is ignored stays so in a new program: `yes | head` would never end.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


def spawn(command: list[str], environment: Mapping[str, str], prepare: Callable[[], None] = lambda: None) -> int:
    """Start `command`, found in PATH, and return its process id. `prepare` is called in the new process.

    What cannot be started says why on stderr and ends with 127, as with a shell.
    """
    pid = os.fork()
    if pid == 0:  # pragma: no cover - what a process counts is lost where another program takes its place
        _begin(command, environment, prepare)
    return pid


def _begin(  # pragma: no cover - as above
    command: list[str], environment: Mapping[str, str], prepare: Callable[[], None]
) -> NoReturn:
    try:
        prepare()
        for number in _IGNORED_BY_PYTHON:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execvpe(command[0], command, environment)  # noqa: S606 - without a shell, as it should be
    except OSError as exc:
        os.write(2, f"{command[0]}: {exc.strerror}\n".encode(errors="replace"))
    finally:
        os._exit(_EXIT_NOT_STARTED)  # whatever happens, this process is not to go on as its parent
