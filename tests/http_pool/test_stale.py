"""A kept connection that is found dead: a request is sent once more, or not. The ids are rows of the failure matrix."""

import threading

import anyio
import anyio.to_thread
import pytest

from sidecar.http_pool import Cut, Unreachable, exchange, pool
from tests.http_pool.asking import ask, idle, make_request, opened, says, then_closes
from tests.providers.scripted import Asked, running

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("error")]


OK = says(b"ok")


def never() -> bool:
    return False


class TestStale:
    async def test_u48_where_no_byte_came_the_request_is_sent_once_more_on_a_new_connection(self) -> None:
        with running(then_closes, OK) as server:
            async with opened() as pools:
                steps: list[bool] = []
                await ask(pools, server.url)
                assert await ask(pools, server.url, b"again", steps) == (200, b"ok")
                assert steps == [True, False, True]
        assert [(asked.number, asked.body) for asked in server.asked] == [(0, b"{}"), (1, b"again")]

    async def test_a_reset_is_no_other_than_a_close(self) -> None:
        def resets(asked: Asked) -> None:
            asked.answer(200, b"ok")
            asked.connection.read_request(bytearray())
            asked.reset()

        with running(resets, OK) as server:
            async with opened() as pools:
                await ask(pools, server.url)
                assert await ask(pools, server.url) == (200, b"ok")

    async def test_only_once(self) -> None:
        with running(then_closes, lambda asked: asked.cut(), OK) as server:
            async with opened() as pools:
                await ask(pools, server.url)
                with pytest.raises(Cut):
                    await ask(pools, server.url)
        assert len(server.asked) == 2

    async def test_not_where_its_end_came_late_for_then_the_provider_was_at_work(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exchange, "_SOON_SECONDS", -1.0)
        with running(then_closes, OK) as server:
            async with opened() as pools:
                await ask(pools, server.url)
                with pytest.raises(Cut):
                    await ask(pools, server.url)
        assert len(server.asked) == 1

    async def test_not_where_no_kept_one_is_wanted(self) -> None:
        with running(OK, lambda asked: asked.cut(), OK) as server:
            async with opened() as pools:
                await ask(pools, server.url)
                with pytest.raises(Cut):
                    await pools.ask(make_request(server.url), lambda is_there: None, takes_kept=False)
                assert idle(pools) == 1
        assert [asked.number for asked in server.asked] == [0, 1]

    async def test_where_it_was_given_back_just_now_only_if_the_caller_agrees(self) -> None:
        asked_for: list[bool] = []

        def no() -> bool:
            asked_for.append(True)
            return False

        def after_a_moment(asked: Asked) -> None:
            asked.pause(0.005)  # uvloop's clock counts milliseconds: it is given back later than the first was lost
            then_closes(asked)

        with running(then_closes, after_a_moment, OK) as server:
            async with opened() as pools:
                await ask(pools, server.url)
                await ask(pools, server.url)  # the first loss may be that of all
                with pytest.raises(Cut):
                    await pools.ask(make_request(server.url), lambda is_there: None, may_send_again=no)
        assert asked_for == [True]
        assert len(server.asked) == 2

    async def test_where_it_was_kept_for_long_whatever_the_caller_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pool, "_LONG_SECONDS", 0.0)
        with running(then_closes, then_closes, OK) as server:
            async with opened() as pools:
                await ask(pools, server.url)
                for _ in range(2):
                    exchange = await pools.ask(make_request(server.url), lambda is_there: None, may_send_again=never)
                    while await exchange.read():
                        pass
                    exchange.close()
        assert [asked.number for asked in server.asked] == [0, 1, 2]

    async def test_where_the_provider_starts_anew_all_that_were_kept_are_excused_and_the_older_ones_closed(
        self,
    ) -> None:
        count = 6

        def together(asked: Asked) -> None:
            arrived.wait(5)
            then_closes(asked)

        async def ask_and_read() -> None:
            exchange = await pools.ask(make_request(server.url), lambda is_there: None, may_send_again=never)
            while await exchange.read():
                pass
            exchange.close()

        arrived = threading.Barrier(count)
        with running(*[together] * count, OK) as server:
            async with opened() as pools:
                async with anyio.create_task_group() as tasks:
                    for _ in range(count):
                        tasks.start_soon(ask_and_read)
                assert idle(pools) == count
                async with anyio.create_task_group() as tasks:
                    for _ in range(3):
                        tasks.start_soon(ask_and_read)
                assert idle(pools) == 3
        assert len(server.asked) == count + 3
        assert server.connected == count + 3

    async def test_not_where_a_byte_came(self) -> None:
        def begins(asked: Asked) -> None:
            asked.answer(200, b"ok")
            asked.connection.read_request(bytearray())
            asked.send(b"H")
            asked.cut()

        with running(begins, OK) as server:
            async with opened() as pools:
                await ask(pools, server.url)
                with pytest.raises(Cut):
                    await ask(pools, server.url)
        assert len(server.asked) == 1

    async def test_not_where_the_connection_is_new(self) -> None:
        with running(lambda asked: asked.cut(), OK) as server:
            async with opened() as pools:
                with pytest.raises(Cut):
                    await ask(pools, server.url)
        assert len(server.asked) == 1

    async def test_the_end_of_it_where_nobody_listens_any_more(self) -> None:
        with running(OK) as server:
            async with opened() as pools:
                url = server.url
                await ask(pools, url)
                server.close()
                with pytest.raises(Unreachable):
                    await ask(pools, url)
