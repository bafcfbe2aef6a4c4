"""How long connections are kept, and those that are opened ahead of requests."""

import socket
import ssl
import threading
from contextlib import suppress

import anyio
import anyio.to_thread
import pytest
import trustme

from sidecar.http_pool import Dialer, Names, Pools, pool
from sidecar.http_pool.connection import Connection
from tests.http_pool.asking import ask, begin, idle, opened, pools_of, says, until
from tests.providers.certificates import make_server
from tests.providers.scripted import Asked, running

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("error")]

OK = says(b"ok")
AUTHORITY = trustme.CA()


def test_the_figures_are_those_of_sparse_traffic() -> None:
    assert (pool._IDLE_SECONDS, pool._AGE_SECONDS, pool._AWAKE_SECONDS) == (120.0, 600.0, 600.0)


def answer_and_hold(asked: Asked) -> None:
    asked.answer(200, b"ok")
    asked.hold()


@pytest.mark.parametrize("bound", ["_IDLE_SECONDS", "_AGE_SECONDS"])
class TestAge:
    async def test_what_is_too_old_is_not_used_again(self, bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with running(OK) as server:
            async with opened() as pools:
                await ask(pools, server.url)
                monkeypatch.setattr(pool, bound, -1.0)
                await ask(pools, server.url)
        assert server.connected == 2

    async def test_it_is_closed_without_a_request_too(self, bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pool, "_LOOK_SECONDS", 0.01)
        monkeypatch.setattr(pool, bound, 0.05)
        with running(answer_and_hold) as server:
            async with opened() as pools:
                await ask(pools, server.url)
                assert await anyio.to_thread.run_sync(server.asked[0].left.wait, 5)
                await until(lambda: idle(pools) == 0)


async def test_a_request_looks_at_one_connection_however_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """httpcore looks at all of them, which is its end at 500."""
    looks = 0

    def look(connection: Connection, now: float) -> bool:
        nonlocal looks
        looks += 1
        return is_good(connection, now)

    is_good = pool._is_good
    with running(OK) as server:
        async with opened(spares=2, max_connections=50) as pools:
            for exchange in [await begin(pools, server.url) for _ in range(30)]:
                assert await exchange.read() == b"ok"
                exchange.close()
            await anyio.wait_all_tasks_blocked()
            assert idle(pools) >= 30
            monkeypatch.setattr(pool, "_is_good", look)
            for _ in range(10):
                await ask(pools, server.url)
            assert looks == 10


class TestSpares:
    async def test_they_are_opened_beside_the_first_request_and_taken_by_the_next(self) -> None:
        with running(OK) as server:
            async with opened(spares=2) as pools:
                await ask(pools, server.url)
                await until(lambda: idle(pools) >= 2)
                steps: list[bool] = []
                held = [await begin(pools, server.url, steps=steps) for _ in range(2)]
                assert steps == [True, True]
                await until(lambda: idle(pools) >= 2)  # others have taken their place
                for exchange in held:
                    while await exchange.read():
                        pass
                    exchange.close()

    async def test_they_work_over_tls(self) -> None:
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        AUTHORITY.configure_trust(client)
        with running(OK, tls=make_server(AUTHORITY)) as server:
            async with opened(client, spares=2) as pools:
                await ask(pools, server.url)
                await until(lambda: idle(pools) >= 2)
                steps: list[bool] = []
                for exchange in [await begin(pools, server.url, steps=steps) for _ in range(2)]:
                    exchange.close()
                assert steps == [True, True]

    async def test_there_are_none_before_the_first_request_nor_where_none_are_wanted(self) -> None:
        with running(OK) as server:
            async with opened(spares=0) as pools:
                await ask(pools, server.url)
                await anyio.wait_all_tasks_blocked()
        assert server.connected == 1

    async def test_they_are_no_more_than_there_may_be_connections(self) -> None:
        with running(OK) as server:
            async with opened(spares=5, max_connections=3) as pools:
                held = [await begin(pools, server.url) for _ in range(2)]
                await until(lambda: idle(pools) == 1)
                await anyio.wait_all_tasks_blocked()
                assert idle(pools) == 1
                await until(lambda: server.connected == 3)
                for exchange in held:
                    exchange.close()

    async def test_one_that_the_provider_closes_is_replaced(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pool, "_LOOK_SECONDS", 0.01)
        monkeypatch.setattr(pool, "_FIRST_PAUSE_SECONDS", 0.01)
        with running(OK) as server:
            async with opened(spares=1) as pools:
                await ask(pools, server.url)
                await until(lambda: idle(pools) == 2 == len(server._connections))
                for connection in list(server._connections):
                    connection.socket.shutdown(2)
                await until(lambda: server.connected > 2)
                await until(lambda: idle(pools) == 1)
                steps: list[bool] = []
                await ask(pools, server.url, steps=steps)
                assert steps == [True]

    async def test_where_each_is_closed_at_once_they_are_tried_seldom_until_one_was_of_use(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pool, "_LOOK_SECONDS", 0.001)
        monkeypatch.setattr(pool, "_FIRST_PAUSE_SECONDS", 0.02)
        with running(OK) as server:
            async with opened(spares=2) as pools:
                await ask(pools, server.url)
                (only,) = pools_of(pools)

                def close_spares() -> bool:
                    if only._pause >= 0.08:
                        return True
                    for connection in server._connections[1:]:
                        with suppress(OSError):
                            connection.socket.shutdown(socket.SHUT_RDWR)
                    return False

                await until(close_spares)
                assert server.connected <= 1 + 2 * 4
                await until(lambda: idle(pools) >= 2)
                held = await begin(pools, server.url)
                assert only._pause >= 0.08
                while await held.read():
                    pass
                held.close()
                assert only._pause == 0.0

    async def test_a_site_that_sleeps_has_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pool, "_LOOK_SECONDS", 0.01)
        monkeypatch.setattr(pool, "_IDLE_SECONDS", 0.1)
        monkeypatch.setattr(pool, "_AWAKE_SECONDS", 0.3)
        with running(OK) as server:
            async with opened(spares=1) as pools:
                await ask(pools, server.url)
                await until(lambda: server.connected > 1)  # while it is awake, what gets too old is replaced
                await until(lambda: idle(pools) == 0)
                await until(lambda: anyio.current_time() > next(iter(pools._pools.values()))._last_request + 0.3)
                await until(lambda: idle(pools) == 0)
                seen = server.connected
                await anyio.wait_all_tasks_blocked()
                assert server.connected == seen

    async def test_where_none_can_be_opened_it_is_tried_seldom(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pool, "_LOOK_SECONDS", 0.001)
        monkeypatch.setattr(pool, "_FIRST_PAUSE_SECONDS", 0.02)
        moved = threading.Event()
        with running(OK) as server:
            names = Names(lambda host: [(socket.AF_INET, "127.0.0.2" if moved.is_set() else "127.0.0.1")])
            monkeypatch.setattr("sidecar.http_pool.names.FRESH_SECONDS", -1.0)
            async with opened(spares=1, names=names) as pools:
                await ask(pools, server.url)
                (only,) = pools._pools.values()
                moved.set()  # to where nobody listens
                monkeypatch.setattr(pool, "_IDLE_SECONDS", -1.0)
                await until(lambda: only._pause >= 0.08)
                assert idle(pools) == 0


async def test_at_the_end_all_are_closed_and_none_is_kept_any_more() -> None:
    with running(OK) as server:
        dialer = Dialer(Names(), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        async with Pools(dialer, max_connections=5, spares=1) as pools:
            exchange = await begin(pools, server.url)
            await until(lambda: idle(pools) == 1)
        assert idle(pools) == 0
        assert await exchange.read() == b"ok"
        exchange.close()
        assert idle(pools) == 0
