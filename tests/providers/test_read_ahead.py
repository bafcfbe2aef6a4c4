from collections.abc import AsyncGenerator

import anyio
import httpx
import pytest

from sidecar.providers import opening
from sidecar.providers.demo import DemoProvider
from sidecar.providers.http_client import _refuse_leftovers
from sidecar.providers.read_ahead import MAX_UNREAD_BYTES, ReadAhead

pytestmark = pytest.mark.anyio

CHUNK = b"x" * 65536


class Source:
    """A body without an end; counts what was taken of it, and how often it was closed."""

    def __init__(self) -> None:
        self.given = 0
        self.closed = 0

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        while True:
            self.given += 1
            yield CHUNK

    async def close(self) -> None:
        self.closed += 1


async def test_who_takes_nothing_holds_the_source_up_and_gets_all() -> None:
    source = Source()
    body = ReadAhead(source.chunks(), source.close)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(body.fill)
            await anyio.wait_all_tasks_blocked()
            assert source.given == MAX_UNREAD_BYTES // len(CHUNK) + 1
            assert await body.read() == CHUNK * source.given
            await anyio.wait_all_tasks_blocked()
            assert source.given == 2 * (MAX_UNREAD_BYTES // len(CHUNK) + 1)
            await body.aclose()
    assert source.closed == 1


async def test_it_can_be_closed_before_it_has_begun_and_twice() -> None:
    source = Source()
    body = ReadAhead(source.chunks(), source.close)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(body.fill)
            await body.aclose()
            await body.aclose()
    assert source.closed == 1


async def test_what_ends_the_source_is_raised_behind_what_came() -> None:
    async def failing() -> AsyncGenerator[bytes, None]:
        yield b"a"
        raise KeyError

    body = ReadAhead(failing(), Source().close)
    await body.fill()
    assert await body.read() == b"a"
    for _ in range(2):
        with pytest.raises(KeyError):
            await body.read()


async def test_a_transport_that_hides_what_is_left_on_a_connection_is_noticed() -> None:
    with pytest.raises(TypeError, match="httpcore has changed"):
        _refuse_leftovers(httpx.Response(200))


async def test_a_provider_without_connections_is_opened_too() -> None:
    for provider in (None, DemoProvider()):
        async with opening.opened(provider):
            pass
