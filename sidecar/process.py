"""What the process settles for itself, before anything else: most of it with the kernel."""

import contextlib
import ctypes
import gc
import os
import resource
import signal

# Objects that came and have not gone, between two looks for cycles among them. By Python's own 700 (2,000 from 3.13 on)
# every other request was looked through, which took an eighth of its processor time. What is in a cycle goes late: none
# may hold texts or keys (tests/providers/test_left_behind.py).
_OBJECTS_BETWEEN_LOOKS = 10_000

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4


def open_standard_descriptors() -> None:
    """Make sure that 0, 1 and 2 are open, or else a socket would become stdout."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    for fd in (0, 1, 2):
        os.set_inheritable(fd, True)


def collect_garbage_seldom() -> None:
    """Look for objects that only hold each other far less often than Python does by itself: we make few of them."""
    gc.set_threshold(_OBJECTS_BETWEEN_LOOKS)


def pause_garbage_collection() -> None:
    """Look for no garbage until `resume_garbage_collection`: a start makes little, and to look for it takes 10 ms."""
    gc.disable()


def resume_garbage_collection(*, start_stays: bool) -> None:
    """Look for it again, as seldom as before, and first among what comes from now on.

    Where what the start has made `start_stays`, it is not looked at again, not even at the end of the process.
    """
    gc.freeze()  # else all that came meanwhile would be looked through now
    if not start_stays:
        gc.unfreeze()
    gc.enable()


def forbid_inspection() -> None:
    """No core dump, and no other process of our user reads our memory or environment: the key is in both."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_PR_SET_DUMPABLE, 0)


def raise_file_limit() -> None:
    """Take as many descriptors as we may: each connection is one, and the usual soft limit is 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def leave_no_zombies() -> None:
    """Let the kernel bury our children, which we have only as PID 1 of a container: what others there left behind."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def has_terminal() -> bool:
    """Say whether a terminal controls us: then SIGHUP says that it is gone, and else to read the settings again."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def die_with_parent() -> None:
    """Get SIGTERM when the process that started us ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0):
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno))
