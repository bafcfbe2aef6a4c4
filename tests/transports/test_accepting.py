import errno
import logging
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager

import anyio
import anyio.lowlevel
import pytest

from sidecar.transports.accepting import accept
from tests.transports.sockets import FlakyListener, reset

pytestmark = pytest.mark.anyio


@pytest.fixture
def listener() -> Iterator[FlakyListener]:
    with FlakyListener() as listener:
        yield listener


class Door:
    """Counts who is let in and who is refused."""

    def __init__(self) -> None:
        self.welcomed: list[socket.socket] = []
        self.refused = 0
        self._opened = anyio.Event()

    def welcome(self, connection: socket.socket) -> None:
        self.welcomed.append(connection)
        self._opened.set()

    def refuse(self, connection: socket.socket) -> None:
        connection.sendall(b"no room")
        self.refused += 1
        self._opened.set()

    async def wait_for(self, *, welcomed: int = 0, refused: int = 0) -> None:
        with anyio.fail_after(5):
            while (len(self.welcomed), self.refused) != (welcomed, refused):
                self._opened = anyio.Event()
                await self._opened.wait()


@asynccontextmanager
async def accepting(listener: socket.socket) -> AsyncIterator[Door]:
    door = Door()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: accept(listener, welcome=door.welcome, refuse=door.refuse))
            yield door
            tasks.cancel_scope.cancel()
    finally:
        for connection in door.welcomed:
            connection.close()


def out_of_descriptors() -> OSError:
    return OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def test_everybody_is_welcome(listener: FlakyListener) -> None:
    with ExitStack() as stack:
        for _ in range(100):  # more than one batch
            stack.enter_context(listener.connect_one())
        async with accepting(listener) as door:
            await door.wait_for(welcomed=100)


async def test_others_have_their_turn_while_many_come(listener: FlakyListener) -> None:
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    with ExitStack() as stack:
        for _ in range(128):
            stack.enter_context(listener.connect_one())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(take_turns)
            async with accepting(listener) as door:
                await door.wait_for(welcomed=128)
                assert turns >= 2
            tasks.cancel_scope.cancel()


async def test_whoever_left_before_is_passed_over(listener: FlakyListener, caplog: pytest.LogCaptureFixture) -> None:
    listener.failures = [ConnectionAbortedError(errno.ECONNABORTED, "gone"), ConnectionAbortedError()]
    with listener.connect_one():
        async with accepting(listener) as door:
            await door.wait_for(welcomed=1)
    assert complaints(caplog) == []


async def test_whoever_reset_before_is_let_in_like_others(listener: FlakyListener) -> None:
    """So Linux does it: that the peer has gone shows when one reads."""
    reset(listener.connect_one())
    with listener.connect_one():
        async with accepting(listener) as door:
            await door.wait_for(welcomed=2)


@pytest.mark.parametrize("number", [errno.ENOBUFS, errno.ENOMEM, errno.EPERM, errno.EPROTO, errno.ENETDOWN])
async def test_a_row_of_failures_is_logged_once_and_gone_through(
    listener: FlakyListener, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    listener.failures = [OSError(number, os.strerror(number)) for _ in range(4)]
    with listener.connect_one():
        async with accepting(listener) as door:
            await door.wait_for(welcomed=1)
    assert complaints(caplog) == [f"accept fails, trying again: {os.strerror(number)}"]


async def test_what_fails_now_and_then_is_not_logged_each_time(
    listener: FlakyListener, caplog: pytest.LogCaptureFixture
) -> None:
    async with accepting(listener) as door:
        for count in range(1, 4):
            listener.failures = [OSError(errno.ENOBUFS, "no buffers")]
            with listener.connect_one():
                await door.wait_for(welcomed=count)
    assert len(complaints(caplog)) == 1


async def test_a_lasting_failure_keeps_nobody_busy(listener: FlakyListener) -> None:
    listener.failures = [OSError(errno.ENOBUFS, "no buffers") for _ in range(100)]
    with listener.connect_one(), anyio.move_on_after(0.4):
        async with accepting(listener):
            await anyio.sleep_forever()
    assert listener.calls <= 6  # after 0, 10, 30, 70, 150 and 310 ms


async def test_without_a_descriptor_they_are_told(listener: FlakyListener, caplog: pytest.LogCaptureFixture) -> None:
    async with accepting(listener) as door:
        for count in range(1, 4):
            listener.failures = [out_of_descriptors()]
            with listener.connect_one() as connection:
                await door.wait_for(refused=count)
                assert connection.recv(100) == b"no room"
        with listener.connect_one():
            await door.wait_for(welcomed=1, refused=3)
    assert complaints(caplog) == ["accept fails, refusing connections: Too many open files"]


async def test_nobody_at_the_door_is_no_failure(listener: FlakyListener, caplog: pytest.LogCaptureFixture) -> None:
    """Linux looks for a free descriptor before it looks for a connection."""
    with listener.connect_one() as first, listener.connect_one() as second:
        listener.failures = [out_of_descriptors(), None] * 3
        async with accepting(listener) as door:
            await door.wait_for(refused=2)
            await anyio.wait_all_tasks_blocked()
            assert listener.failures == []
            assert (first.recv(100), second.recv(100)) == (b"no room", b"no room")
    assert len(complaints(caplog)) == 1


async def test_whoever_left_before_the_refusal_is_passed_over(
    listener: FlakyListener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.failures = [out_of_descriptors(), ConnectionAbortedError()]
    with listener.connect_one():
        async with accepting(listener) as door:
            await door.wait_for(welcomed=1)
    assert complaints(caplog) == []


async def test_where_even_the_spare_descriptor_is_taken_it_waits(
    listener: FlakyListener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.failures = [out_of_descriptors() for _ in range(4)]
    with listener.connect_one():
        async with accepting(listener) as door:
            await door.wait_for(welcomed=1)
    assert complaints(caplog) == ["accept fails, trying again: Too many open files"]


async def test_a_lost_spare_is_made_again(listener: FlakyListener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may be faster to take the number that was just given back."""
    succeeds = [True, False, True, True]  # at the start, and after each refusal
    really_open = os.open

    def open_unless(path: str, flags: int) -> int:
        if not succeeds.pop(0):
            raise out_of_descriptors()
        return really_open(path, flags)

    monkeypatch.setattr(os, "open", open_unless)
    async with accepting(listener) as door:
        for count in range(1, 4):
            listener.failures = [out_of_descriptors()]
            with listener.connect_one():
                await door.wait_for(refused=count)
    assert succeeds == []
