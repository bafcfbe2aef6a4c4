"""What a provider may cost, however it behaves: memory, places, whose key. The ids are rows of the failure matrix."""

import socket
import threading
from contextlib import suppress
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from msgspec import structs
from msgspec.structs import replace

from sidecar.http_pool import Dialer, Names
from sidecar.providers.clocks import Clocks
from sidecar.providers.endpoint import Endpoint
from sidecar.providers.http_client import HttpClient
from sidecar.providers.retry_budget import RetryBudget
from sidecar.providers.tls import make_tls_context
from sidecar.secret import Secret
from tests.providers.asking import PATIENT, PROMPT, ask, opened
from tests.providers.faults import OK, A, Outcome, outcome
from tests.providers.scripted import DONE, Asked, chunk, event, good, running, stream

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024


def memory_bytes() -> int:
    """Return what this process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def endless(asked: Asked, piece: bytes) -> None:
    asked.head()
    asked.chunk(A)
    with suppress(OSError):
        for _ in range(100 * MIB // len(piece)):
            asked.chunk(piece)
    asked.cut()


async def test_u42_a_line_of_100_mb_is_left_at_256_kib_and_takes_no_memory() -> None:
    piece = b"x" * 65536
    with running(lambda asked: endless(asked, piece)) as server:
        async with opened(server.url) as provider:
            before = memory_bytes()
            for _ in range(3):
                assert await outcome(provider) == Outcome("a", "upstream_protocol")
            assert memory_bytes() - before < 16 * MIB


async def test_u54_a_delta_of_1_mb_is_beyond_the_bound_of_a_line() -> None:
    with running(stream(A + event(chunk("x" * MIB)) + DONE), OK) as server:
        async with opened(server.url) as provider:
            assert await outcome(provider) == Outcome("a", "upstream_protocol")
            assert await outcome(provider) == Outcome("ok", "stop")


async def test_u49_who_takes_nothing_of_a_request_runs_out_of_time_and_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # the kernel takes the connection, and what its buffers hold
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        async with opened(url, replace(PATIENT, first_token_seconds=0.3)) as provider:
            with pytest.raises(Exception, match="SIDECAR_TIMEOUT_FIRST_TOKEN"):
                await ask(provider, structs.replace(PROMPT, system="x" * 8 * MIB))


async def test_u55_two_hundred_streams_come_forward_together() -> None:
    """Slow ones and quick ones share the places; none has to wait for another's end."""
    all_began = threading.Barrier(200)

    def in_step(asked: Asked) -> None:
        asked.head()
        asked.chunk(A)
        all_began.wait(20)  # every one is with the provider at the same time
        for _ in range(3):
            asked.chunk(A)
        asked.chunk(good("end"))
        asked.end()

    with running(in_step) as server:
        async with opened(server.url, replace(PATIENT, idle_seconds=20, total_seconds=20)) as provider:
            ended: list[str] = []

            async def one() -> None:
                ended.append("".join((await ask(provider))[0]))

            async with anyio.create_task_group() as tasks:
                for _ in range(200):
                    tasks.start_soon(one)
            assert ended == ["aaaaend"] * 200


async def test_u58_a_key_is_that_of_the_request_and_not_of_the_connection() -> None:
    may_end = threading.Event()

    def hold(asked: Asked) -> None:
        asked.head()
        asked.chunk(b"first")
        assert may_end.wait(5)
        asked.end()

    async def read_all(key: str) -> bytes:
        async with client.post(endpoint, Secret(key), b"{}", Clocks(PATIENT), budget.spend) as answer:
            body = b""
            while came := await answer.read():
                body += came
            return body

    with running(hold, OK) as server:
        endpoint = Endpoint(f"{server.url}/v1", is_loopback=True)
        budget = RetryBudget()
        async with HttpClient(Dialer(Names(), make_tls_context()), max_connections=5) as client:
            async with client.post(endpoint, Secret("old"), b"{}", Clocks(PATIENT), budget.spend) as running_answer:
                assert await running_answer.read() == b"first"
                assert await read_all("new") == good("ok")
                may_end.set()
                assert await running_answer.read() == b""
            assert await read_all("newer") == good("ok")  # on a connection that another key has used
    keys = [asked.headers["authorization"] for asked in server.asked]
    assert keys == ["Bearer old", "Bearer new", "Bearer newer"]
    assert server.connected == 2
