"""Requests that are cancelled at random moments, many at once, on few places; then a look at what is left.

    python -m tests.providers.storm [COUNT] [asyncio | uvloop | trio] [plain | tls]

The suite runs a short form; by itself it makes 10,000 cancels, in about a minute.
"""

import os
import random
import sys
import tempfile
from functools import partial
from pathlib import Path

import anyio
import trustme

from sidecar.providers.openai import OpenAIDialect
from sidecar.providers.remote import Choice, RemoteProvider
from tests.providers.asking import QUICK, ask, make_settings
from tests.providers.certificates import make_server, write
from tests.providers.scripted import ROLE, Asked, chunk, event, good, running

_PLACES = 10
_AT_ONCE = 30
_LONGEST_SECONDS = 0.05
AUTHORITY = trustme.CA()


def slowly(asked: Asked) -> None:
    """Answer in small steps, so that a cancel finds a request in every state."""
    asked.head()
    for number in range(4):
        asked.chunk(ROLE + event(chunk(str(number))))
        asked.pause(0.002)
    asked.chunk(good("end"))
    asked.end()


async def storm(count: int, *, is_tls: bool, seed: int = 7) -> tuple[int, int]:
    """Cancel `count` requests and return how many were cancelled in fact, and how many ended before.

    Raises:
        AssertionError: a place, a connection, a descriptor or a task was lost.
    """
    chance = random.Random(seed)
    cancelled = ended = 0

    async def leave_sometime() -> None:
        nonlocal cancelled, ended
        with anyio.move_on_after(chance.random() * _LONGEST_SECONDS) as scope:
            await ask(provider)
        if scope.cancelled_caught:
            cancelled += 1
        else:
            ended += 1

    with tempfile.TemporaryDirectory() as folder:
        ca = str(write(AUTHORITY, Path(folder, "ca.pem")))
        with running(slowly, tls=make_server(AUTHORITY) if is_tls else None) as server:
            before, tasks_before = _descriptors(), len(anyio.get_running_tasks())
            settings = make_settings(
                server.url, SIDECAR_MAX_UPSTREAM=str(_PLACES), SIDECAR_SPARE_CONNECTIONS="2", SIDECAR_CA=ca
            )
            async with RemoteProvider([Choice(settings, OpenAIDialect())], backoff=QUICK) as provider:
                while cancelled + ended < count:
                    async with anyio.create_task_group() as tasks:
                        for _ in range(_AT_ONCE):
                            tasks.start_soon(leave_sometime)
                assert provider.connections_in_use == 0
                async with anyio.create_task_group() as tasks:  # as many at once as there are places
                    for _ in range(_PLACES):
                        tasks.start_soon(ask, provider)
            assert len(anyio.get_running_tasks()) == tasks_before
            with anyio.fail_after(5):  # the server closes its ends in its own time
                while _descriptors() > before:  # noqa: ASYNC110
                    await anyio.sleep(0.01)
    return cancelled, ended


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


if __name__ == "__main__":
    amount = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    backend = sys.argv[2] if len(sys.argv) > 2 else "asyncio"
    run = partial(storm, amount, is_tls="tls" in sys.argv[3:])
    options = {"use_uvloop": True} if backend == "uvloop" else {}
    left, ended = anyio.run(run, backend="trio" if backend == "trio" else "asyncio", backend_options=options)
    sys.stdout.write(f"{left} cancelled, {ended} ended before; nothing was lost\n")
