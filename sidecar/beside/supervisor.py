"""PID 1: passes signals on, buries who has ended, and ends as its program does."""

import os
import signal
from collections.abc import Iterator, Mapping

from sidecar.beside.companion import Companion
from sidecar.beside.spawning import spawn

# With these a container is stopped: Apache takes SIGWINCH for an end in good order, php-fpm SIGQUIT.
_ENDING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH})
_PASSED_ON = _ENDING | {signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2}
_AWAITED = _PASSED_ON | {signal.SIGCHLD}


def supervise(command: list[str], environment: Mapping[str, str]) -> int:
    """Run `command` until it ends, with the sidecar beside it, and return its exit status as a shell would.

    `command` gets the signals that we get, and waits for nothing of the sidecar's: Moodle works without.
    """
    # Blocked, they wait for sigtimedwait: none comes at a bad moment, and none is lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    companion = Companion(environment)
    companion.start()
    status = _watch(spawn(command, companion.environment_of_php(), _lead_a_group), companion)
    _see_off(companion)
    return status


def _lead_a_group() -> None:
    """Leave our group of processes: Apache ends by a signal to all of its own. A terminal goes along."""
    os.setpgid(0, 0)
    if os.isatty(0):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        os.tcsetpgrp(0, os.getpgrp())


def _watch(program: int, companion: Companion) -> int:
    while True:
        caught = signal.sigtimedwait(_AWAITED, companion.seconds_until_due())
        if caught is not None and caught.si_signo in _PASSED_ON:
            os.kill(program, caught.si_signo)
            # In a terminal, each change of its size is a SIGWINCH.
            if caught.si_signo in _ENDING and not (caught.si_signo == signal.SIGWINCH and os.isatty(0)):
                companion.stop()
        for pid, status in _bury():
            if pid == program:
                return status if status >= 0 else 128 - status
            companion.hear_of_end(pid, status)
        companion.do_what_is_due()


def _see_off(companion: Companion) -> None:
    """Wait until the sidecar has told its streams, for as long as there is time; with us, all that is left ends."""
    if not companion.is_stopped:
        companion.stop()
    while (seconds := companion.seconds_to_end()) > 0:
        caught = signal.sigtimedwait(_ENDING | {signal.SIGCHLD}, seconds)
        if caught is not None and caught.si_signo in _ENDING:
            companion.stop()
        for pid, status in _bury():
            companion.hear_of_end(pid, status)


def _bury() -> Iterator[tuple[int, int]]:
    """Give who has ended, and how; PID 1 inherits the orphans of the whole container."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)
