import socket
import subprocess
import sys
import threading
import time

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from sidecar.errors import UpstreamDns
from sidecar.http_pool import names
from sidecar.http_pool.failures import Unreachable
from sidecar.http_pool.names import Address, Names, resolve

pytestmark = pytest.mark.anyio

FIRST: list[Address] = [(socket.AF_INET, "127.0.0.1")]
SECOND: list[Address] = [(socket.AF_INET, "127.0.0.2")]


class Resolver:
    """Says what `says` holds, once it may, and counts how often it was asked."""

    def __init__(self, says: list[Address] | OSError) -> None:
        self.says = says
        self.asked = 0
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self, host: str) -> list[Address]:
        self.asked += 1
        assert threading.current_thread().daemon
        assert self.may_answer.wait(5)
        if isinstance(self.says, OSError):
            raise self.says
        return self.says


UNKNOWN = socket.gaierror(socket.EAI_NONAME, "canary")


async def test_a_name_is_looked_up_once_however_many_ask() -> None:
    resolver = Resolver(FIRST)
    resolver.may_answer.clear()
    known = Names(resolver)
    found = []

    async def ask() -> None:
        found.append(await known.look_up("provider.example"))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            resolver.may_answer.set()
        assert found == [FIRST] * 50
        assert await known.look_up("provider.example") == FIRST
        assert resolver.asked == 1
        await known.look_up("another.example")
        assert resolver.asked == 2


async def test_u05_what_is_old_is_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(FIRST)
    known = Names(resolver)
    assert await known.look_up("provider.example") == FIRST
    resolver.says = SECOND
    assert await known.look_up("provider.example") == FIRST
    monkeypatch.setattr(names, "FRESH_SECONDS", -1.0)
    assert await known.look_up("provider.example") == SECOND


async def test_addresses_that_were_good_are_taken_where_the_resolver_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "FRESH_SECONDS", -1.0)
    resolver = Resolver(FIRST)
    known = Names(resolver)
    await known.look_up("provider.example")
    resolver.says = UNKNOWN
    assert await known.look_up("provider.example") == FIRST
    monkeypatch.setattr(names, "STALE_SECONDS", -1.0)
    with pytest.raises(UpstreamDns):
        await known.look_up("provider.example")


async def test_and_at_once_where_it_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "FRESH_SECONDS", -1.0)
    resolver = Resolver(FIRST)
    known = Names(resolver)
    await known.look_up("provider.example")
    resolver.may_answer.clear()
    with anyio.fail_after(names.PATIENCE_SECONDS / 2):
        assert await known.look_up("provider.example") == FIRST
    resolver.may_answer.set()


async def test_u01_a_name_that_does_not_exist_is_not_asked_for_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(UNKNOWN)
    known = Names(resolver)
    for _ in range(3):
        with pytest.raises(UpstreamDns) as caught:
            await known.look_up("nowhere.example")
        assert "canary" not in repr(caught.value)
    assert resolver.asked == 1
    monkeypatch.setattr(names, "FAILED_SECONDS", -1.0)
    resolver.says = FIRST
    assert await known.look_up("nowhere.example") == FIRST


async def test_u02_a_resolver_that_hangs_holds_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "PATIENCE_SECONDS", 0.1)
    resolver = Resolver(FIRST)
    resolver.may_answer.clear()
    known = Names(resolver)

    async def ask() -> None:
        with pytest.raises(Unreachable, match=r"not looked up within 0.1 s"):
            await known.look_up("hanging.example")

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(ask)
            # The threads that everything else shares are free.
            assert await anyio.to_thread.run_sync(lambda: "free") == "free"
        assert resolver.asked == 1
        resolver.may_answer.set()
        while True:  # it is found once the resolver answers
            try:
                assert await known.look_up("hanging.example") == FIRST
                break
            except Unreachable:
                await anyio.lowlevel.checkpoint()


async def test_who_is_cancelled_leaves_the_look_up_to_the_next() -> None:
    resolver = Resolver(FIRST)
    resolver.may_answer.clear()
    known = Names(resolver)
    with anyio.move_on_after(0.01):
        await known.look_up("provider.example")
    resolver.may_answer.set()
    with anyio.fail_after(5):
        assert await known.look_up("provider.example") == FIRST
    assert resolver.asked == 1


async def test_where_there_is_no_thread_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Names(Resolver(FIRST))
    with monkeypatch.context() as patched:

        def start(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        patched.setattr(threading.Thread, "start", start)
        with pytest.raises(Unreachable):
            await known.look_up("provider.example")
    assert await known.look_up("provider.example") == FIRST


def test_the_system_knows_this_machine() -> None:
    assert set(resolve("localhost")) & {(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")}
    assert resolve("127.0.0.1") == [(socket.AF_INET, "127.0.0.1")]
    with pytest.raises(OSError, match=r"."):
        resolve("nowhere.invalid")


HANGS = """
import sys, threading, anyio
from sidecar.http_pool import names
names.PATIENCE_SECONDS = 0.05
async def main():
    try:
        await names.Names(lambda host: threading.Event().wait(60)).look_up("hanging.example")
    except names.Unreachable:
        print("told", flush=True)
anyio.run(main, backend=sys.argv[1])
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_u02_the_end_of_the_process_does_not_wait_for_it(backend: str) -> None:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", HANGS, backend], capture_output=True, timeout=20, check=True)
    assert (done.stdout, done.stderr) == (b"told\n", b"")
    assert time.monotonic() - began < 10
