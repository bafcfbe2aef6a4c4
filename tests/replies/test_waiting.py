"""Who waits for more of a reply, and what wakes whom."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from sidecar.errors import Cancelled
from sidecar.providers import Stage
from sidecar.replies import End, Reader, Reply
from sidecar.replies.reply import Call
from tests.replies.fakes import DONE, PROMPT, settle
from tests.replies.reading import Seen, happen, new_reply


class Waiting:
    """Three who wait for a reply: one for anything new, two for its end."""

    def __init__(self, reply: Reply) -> None:
        self.wakings = 0
        self.ends: list[End] = []
        self._reader = Reader(reply)

    async def wait(self) -> None:
        await self._reader.wait()
        self.wakings += 1

    async def wait_end(self) -> None:
        self.ends.append(await self._reader.wait_end())


@asynccontextmanager
async def open_waiting(reply: Reply) -> AsyncIterator[Waiting]:
    """Give those who wait; all must be through with it in time."""
    waiting = Waiting(reply)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(waiting.wait)
            tasks.start_soon(waiting.wait_end)
            tasks.start_soon(waiting.wait_end)
            await settle()
            yield waiting


@pytest.mark.anyio
@pytest.mark.parametrize("step", ["a", Stage("reading", 1, 2)], ids=["delta", "stage"])
async def test_what_is_new_wakes_who_streams_and_only_the_end_who_waits_for_the_end(step: str | Stage) -> None:
    reply = new_reply()
    async with open_waiting(reply) as waiting:
        happen(reply.call.log, step)
        await settle()
        assert (waiting.wakings, waiting.ends) == (1, [])
        reply.call.log.finish(DONE)
    assert waiting.ends == [DONE, DONE]


@pytest.mark.anyio
async def test_the_end_of_the_call_wakes_all_who_wait() -> None:
    reply = new_reply()
    async with open_waiting(reply) as waiting:
        reply.call.log.finish(DONE)
    assert (waiting.wakings, waiting.ends) == (1, [DONE, DONE])


@pytest.mark.anyio
async def test_a_cancelled_reply_wakes_all_who_wait_for_it_and_nobody_else() -> None:
    call = Call(PROMPT)
    mine, other = new_reply(call), new_reply(call)
    async with open_waiting(other) as other_waiting:
        async with open_waiting(mine) as waiting:
            mine.end_with(Cancelled("Enough."))
        assert (waiting.wakings, waiting.ends) == (1, [mine.end, mine.end])
        await settle()
        assert (other_waiting.wakings, other_waiting.ends) == (0, [])
        call.log.finish(DONE)


@pytest.mark.anyio
class TestKeepingUp:
    async def test_who_takes_at_once_is_not_woken(self) -> None:
        reply = new_reply()
        reader, seen, waiting = Reader(reply), Seen(), Waiting(reply)

        async def wait() -> None:
            await reader.wait(lambda: None if reader.end else seen.texts.extend(reader.take()))
            waiting.wakings += 1

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                await anyio.wait_all_tasks_blocked()
                for number in range(3):
                    reply.call.log.append(b"%d" % number)
                    assert len(seen.texts) == number + 1  # before anybody else had a turn
                await anyio.wait_all_tasks_blocked()
                assert waiting.wakings == 0
                reply.call.log.finish(DONE)
        assert waiting.wakings == 1
        assert seen.texts == ["0", "1", "2"]

    async def test_who_cannot_is_woken_for_what_he_left(self) -> None:
        reply = new_reply()
        reader = Reader(reply)
        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(reader.wait, lambda: None)
                await anyio.wait_all_tasks_blocked()
                reply.call.log.append(b"a")
            assert reader.take() == ["a"]

    async def test_what_he_raises_is_raised_in_his_own_task_and_hurts_no_writer(self) -> None:
        reply = new_reply()
        reader, quick, seen = Reader(reply), Reader(reply), Seen()
        raised = 0

        def take() -> None:
            nonlocal raised
            raised += 1
            raise KeyError

        async def wait() -> None:
            with pytest.raises(KeyError):
                await reader.wait(take)

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                tasks.start_soon(quick.wait, lambda: seen.texts.extend(quick.take()))
                await anyio.wait_all_tasks_blocked()
                reply.call.log.append(b"a")
                reply.call.log.append(b"b")
                reply.call.log.finish(DONE)
        assert raised == 1
        assert seen.texts == ["a", "b"]
