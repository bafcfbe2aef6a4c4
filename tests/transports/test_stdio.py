"""What were stdin and stdout as a stream. How they are claimed is seen in tests/e2e, in processes of their own."""

import os
import pty
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from sidecar.session import PeerGone
from sidecar.transports.stdio import Stdio
from sidecar.transports.streams import RECEIVE_BYTES

pytestmark = pytest.mark.anyio

MUCH = bytes(range(256)) * 4096

Ends = tuple[Stdio, int, int]
"""The stream, where its parent writes to, and where its parent reads from."""


def pipes() -> Ends:
    (ours_in, theirs_in), (theirs_out, ours_out) = os.pipe(), os.pipe()
    return Stdio(ours_in, ours_out), theirs_in, theirs_out


def one_socket() -> Ends:
    ours, theirs = socket.socketpair()
    return Stdio(os.dup(ours.fileno()), ours.detach()), os.dup(theirs.fileno()), theirs.detach()


@contextmanager
def connected(make: Callable[[], Ends]) -> Iterator[Ends]:
    stream, stdin, stdout = make()
    try:
        yield stream, stdin, stdout
    finally:
        stream.close()
        for fd in (stdin, stdout):
            with suppress(OSError):
                os.close(fd)


@pytest.fixture(params=[pipes, one_socket])
def make(request: pytest.FixtureRequest) -> Callable[[], Ends]:
    made: Callable[[], Ends] = request.param
    return made


def fill(stream: Stdio) -> int:
    """Send until nothing more can be sent at once, and return how much that was."""
    total = 0
    while sent := stream.send_now(MUCH):
        total += sent
    return total


async def test_receive_gives_what_has_come_and_then_the_end(make: Callable[[], Ends]) -> None:
    with connected(make) as (stream, stdin, stdout), anyio.fail_after(5):
        os.write(stdin, b"Hello")
        assert await stream.receive() == b"Hello"
        os.write(stdin, bytes(RECEIVE_BYTES))
        assert len(await stream.receive()) <= RECEIVE_BYTES
        if make is pipes:
            os.close(stdin)
            assert await stream.receive() == b""
        assert stdout


async def test_receive_waits_and_can_be_cancelled(make: Callable[[], Ends]) -> None:
    """SIGTERM must not wait for a parent that says nothing."""
    with connected(make) as (stream, stdin, _), anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stream.receive)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        os.write(stdin, b"Hello")
        assert await stream.receive() == b"Hello"


async def test_what_is_sent_in_parts_comes_whole(make: Callable[[], Ends]) -> None:
    received = bytearray()

    def read(fd: int) -> None:
        while len(received) < len(MUCH):
            received.extend(os.read(fd, 1 << 16))

    with connected(make) as (stream, _, stdout), anyio.fail_after(5):
        sent = stream.send_now(MUCH)
        assert 0 < sent < len(MUCH)
        rest = memoryview(MUCH)[sent:]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: anyio.to_thread.run_sync(read, stdout))
            while rest:
                rest = rest[await stream.send_some(rest) :]
    assert received == MUCH


async def test_send_now_never_blocks(make: Callable[[], Ends]) -> None:
    with connected(make) as (stream, _, _stdout):
        assert fill(stream) > 0
        assert stream.send_now(b"x") == 0


async def test_a_full_pipe_waits_for_its_reader(make: Callable[[], Ends]) -> None:
    with connected(make) as (stream, _, stdout), anyio.fail_after(5):
        fill(stream)
        sent: list[int] = []

        async def send() -> None:
            sent.append(await stream.send_some(b"x"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            await anyio.wait_all_tasks_blocked()
            assert sent == []
            while not sent:
                if select.select([stdout], [], [], 0)[0]:
                    os.read(stdout, 1 << 16)
                await anyio.lowlevel.checkpoint()
    assert sent == [1]


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_what_is_shared_with_the_parent_stays_blocking() -> None:
    """O_NONBLOCK belongs to the open file. uvloop sets it on all that it waits for: one more reason to do without."""
    (ours_in, theirs_in), (theirs_out, ours_out) = os.pipe(), os.pipe()
    shared = os.dup(ours_in), os.dup(ours_out)
    with connected(lambda: (Stdio(ours_in, ours_out), theirs_in, theirs_out)) as (stream, _, _stdout):
        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(stream.receive)
                await anyio.wait_all_tasks_blocked()
                os.write(theirs_in, b"Hello")
            fill(stream)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(stream.send_some, b"x")
                await anyio.wait_all_tasks_blocked()
                os.read(theirs_out, 1 << 16)
        assert [os.get_blocking(fd) for fd in shared] == [True, True]
    for fd in shared:
        os.close(fd)


async def test_a_parent_that_reads_no_more_is_gone() -> None:
    with connected(pipes) as (stream, _, stdout), anyio.fail_after(5):
        assert not stream.is_gone()
        os.close(stdout)
        assert stream.is_gone()
        with pytest.raises(PeerGone):
            stream.send_now(b"Hello")
        with pytest.raises(PeerGone):
            await stream.send_some(b"Hello")


async def test_a_parent_that_ends_wakes_who_waits_to_send() -> None:
    with connected(pipes) as (stream, _, stdout), anyio.fail_after(5):
        fill(stream)

        async def send() -> None:
            with pytest.raises(PeerGone):
                await stream.send_some(b"x")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            await anyio.wait_all_tasks_blocked()
            os.close(stdout)


async def test_close_wakes_who_waits_to_receive(make: Callable[[], Ends]) -> None:
    with connected(make) as (stream, _, _stdout), anyio.fail_after(5):

        async def receive() -> None:
            with pytest.raises(PeerGone):
                await stream.receive()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(receive)
            await anyio.wait_all_tasks_blocked()
            stream.close()


async def test_after_close_everything_raises(make: Callable[[], Ends]) -> None:
    with connected(make) as (stream, _, _stdout), anyio.fail_after(5):
        stream.close()
        with pytest.raises(PeerGone):
            await stream.receive()
        with pytest.raises(PeerGone):
            await stream.send_some(b"Hello")


async def test_files_are_read_to_their_end_and_written(tmp_path: Path) -> None:
    """epoll takes none of them."""
    (tmp_path / "in").write_bytes(MUCH)
    read_fd = os.open(tmp_path / "in", os.O_RDONLY)
    write_fd = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    stream = Stdio(read_fd, write_fd)
    received = bytearray()
    with anyio.fail_after(5):
        while chunk := await stream.receive():
            received.extend(chunk)
        assert stream.send_now(MUCH) == 0
        assert await stream.send_some(MUCH) == len(MUCH)
    assert not stream.is_gone()
    stream.close_sending()
    stream.close()
    assert received == MUCH
    assert (tmp_path / "out").read_bytes() == MUCH


async def test_nowhere_has_nothing_and_takes_everything() -> None:
    stream = Stdio(os.open(os.devnull, os.O_RDONLY), os.open(os.devnull, os.O_WRONLY))
    with anyio.fail_after(5):
        assert await stream.receive() == b""
        assert await stream.send_some(b"Hello") == 5
    assert not stream.is_gone()
    stream.close()


async def test_a_full_disk_is_a_parent_that_has_gone() -> None:
    stream = Stdio(os.open(os.devnull, os.O_RDONLY), os.open("/dev/full", os.O_WRONLY))
    with anyio.fail_after(5), pytest.raises(PeerGone):
        await stream.send_some(b"Hello")
    stream.close()


async def test_a_directory_cannot_be_read(tmp_path: Path) -> None:
    stream = Stdio(os.open(tmp_path, os.O_RDONLY), os.open(os.devnull, os.O_WRONLY))
    with anyio.fail_after(5), pytest.raises(PeerGone):
        await stream.receive()
    stream.close()


async def test_a_terminal_is_waited_for() -> None:
    ours, theirs = pty.openpty()
    stream = Stdio(os.dup(theirs), theirs)
    with anyio.fail_after(5):
        os.write(ours, b"Hello\n")
        assert await stream.receive() == b"Hello\n"
        assert await stream.send_some(b"Hi") == 2
    os.close(ours)
    assert stream.is_gone()
    stream.close()
