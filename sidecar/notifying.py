"""Notifies the supervisor that started us, where there is one: systemd's sd_notify(3), datagrams of a few lines."""

import os
import socket
import time
from collections.abc import MutableMapping
from contextlib import suppress

# Where no watchdog waits: what STATUS says is for people.
_STATUS_SECONDS = 10.0


class Notifier:
    """Tells the supervisor how we are. Where there is none, or it does not listen, nothing happens."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        """Take the variables of the protocol, which are for nobody else."""
        address = environ.pop("NOTIFY_SOCKET", "")
        watchdog = environ.pop("WATCHDOG_USEC", "")
        watchdog_pid = environ.pop("WATCHDOG_PID", "") or str(os.getpid())
        # "@" is how systemd writes the zero byte of an abstract address.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if address else None
        self._status = ""
        self.look_seconds = _STATUS_SECONDS
        """How often `alive` is to be called."""
        if watchdog.isdecimal() and int(watchdog) and watchdog_pid == str(os.getpid()):
            # Half of it, as sd_watchdog_enabled(3) advises.
            self.look_seconds = min(int(watchdog) / 2_000_000, _STATUS_SECONDS)

    @property
    def has_supervisor(self) -> bool:
        return self._socket is not None

    def ready(self, status: str) -> None:
        """Say that we serve; also after `reloading`."""
        self._status = status
        self._tell(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        self._tell(f"STOPPING=1\nSTATUS={status}")

    def alive(self, status: str) -> None:
        """Say that the event loop runs, and `status` where it is another one."""
        self._tell("WATCHDOG=1" if status == self._status else f"WATCHDOG=1\nSTATUS={status}")
        self._status = status

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _tell(self, state: str) -> None:
        if self._socket is not None:
            with suppress(OSError):  # nobody listens, or the queue is full: the watchdog decides what that means
                self._socket.sendto(state.encode(), socket.MSG_DONTWAIT, self._address)
