"""One request, served without a connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from protocol.codec import Addressee
from protocol.messages import Answer, Delta, Done, Event, Progress, Resume, Start
from sidecar.dialects import FRAMES
from sidecar.providers import Stage
from sidecar.replies import Reply
from sidecar.session.jobs import Job
from sidecar.session.serving import serve
from tests.session.house import House, open_house, settle, text_of

pytestmark = pytest.mark.anyio


async def never(_job: Job) -> Event | Answer:
    raise AssertionError("the test serves it itself")


class Served:
    """What a request has sent, and when it may send on."""

    def __init__(self) -> None:
        self.job = Job(
            what="resume", addressee=Addressee("1", True), form=FRAMES.form, serve=never, arrived=0.0, held_bytes=0
        )
        self.batches: list[list[Event]] = []
        self.last: Event | Answer | None = None
        self.may_send = anyio.Event()

    async def __call__(self, messages: list[Event]) -> None:
        await self.may_send.wait()
        self.now(messages)

    @property
    def keeps_up(self) -> bool:
        return self.may_send.is_set()

    def now(self, messages: list[Event]) -> None:
        self.batches.append(messages)

    async def run(self, request: Resume, house: House) -> None:
        self.last = await serve(request, self.job, house.service, self)


@asynccontextmanager
async def open_reply() -> AsyncIterator[tuple[House, Reply]]:
    """Give a running detached reply."""
    async with open_house() as house:
        client = house.connect()
        client.chat("1", stream=True, detach=True)
        name = (await client.read_start()).reply
        reply = house.replies.find(name, None)
        yield house, reply
        (await house.next_call()).finish()
        await client.read_ends()


async def test_progress_is_told_as_it_is_not_as_it_was() -> None:
    async with open_reply() as (house, reply), anyio.create_task_group() as tasks:
        served = Served()
        tasks.start_soon(served.run, Resume(id="1", reply=reply.id, stream=True), house)
        await settle()
        log = reply.call.log
        log.report(Stage("reading", 1, 3))
        log.report(Stage("reading", 2, 3))
        log.append(b"text")
        served.may_send.set()
        await settle()
        log.report(Stage("reading", 3, 3))
        await settle()
        assert served.batches == [
            [Start(id="1", reply=reply.id, model="gated-1")],
            [Progress(id="1", stage="reading", done=2, total=3), Delta(id="1", seq=1, text="text")],
            [Progress(id="1", stage="reading", done=3, total=3)],
        ]
        served.job.cancel()


async def test_when_the_first_delta_went_out_is_noted_once() -> None:
    async with open_reply() as (house, reply), anyio.create_task_group() as tasks:
        served = Served()
        served.may_send.set()
        tasks.start_soon(served.run, Resume(id="1", reply=reply.id, stream=True), house)
        reply.call.log.report(Stage("reading", 1, 3))
        noted = []
        for text in (b"", b"one", b"two"):
            if text:
                reply.call.log.append(text)
            await settle()
            noted.append(served.job.first_sent)
        assert noted[0] is None
        assert noted[1] is not None
        assert noted[2] == noted[1]
        served.job.cancel()


async def test_what_there_is_to_stop_is_set_while_it_is_served() -> None:
    async with open_reply() as (house, reply), anyio.create_task_group() as tasks:
        served = Served()
        served.may_send.set()
        tasks.start_soon(served.run, Resume(id="1", reply=reply.id), house)
        await settle()
        assert reply.readers == 2
        assert callable(served.job.stop)
        served.job.cancel()
        await settle()
        assert (reply.readers, callable(served.job.stop), served.job.outcome) == (1, False, "cancelled")


async def test_a_request_that_is_stopped_from_outside_leaves_its_reply() -> None:
    async with open_reply() as (house, reply):
        served = Served()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(served.run, Resume(id="1", reply=reply.id, stream=True), house)
            await settle()
            assert reply.readers == 2
            tasks.cancel_scope.cancel()
        assert (reply.readers, served.last) == (1, None)


async def test_a_finished_reply_ends_as_it_did() -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat("1", stream=True, detach=True)
        name = (await client.read_start()).reply
        (await house.next_call()).finish("length")
        await client.read_ends()
        served = Served()
        served.may_send.set()
        await served.run(Resume(id="2", reply=name, stream=True), house)
        assert isinstance(served.last, Done)
        assert (served.last.finish_reason, served.job.outcome) == ("length", "done")


async def test_a_client_that_keeps_up_gets_a_delta_within_the_turn_in_which_it_was_written() -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat("1", stream=True)
        reply = (await client.read_start()).reply
        call = await house.next_call()
        await settle()
        (log,) = (reply.call.log for reply in house.replies._store._replies.values())
        for number in (1, 2):
            log.append(b"text")
            assert client.read_now() == [Delta(id="1", seq=number, text="text")], reply
        call.finish()
        await client.read_ends()


async def test_one_that_does_not_gets_all_of_it_later_and_in_order() -> None:
    async with open_house() as house:
        client = house.welcome(room=0)
        client.chat("1", stream=True)
        call = await house.next_call()
        await settle()
        (log,) = (reply.call.log for reply in house.replies._store._replies.values())
        for number in range(100):
            log.append(b"%d," % number)
            if number == 50:
                client.stream.take(100)
        call.finish()
        client.stream.take(1_000_000)
        await client.read_ends()
        assert text_of(client.messages, "1") == "".join(f"{number}," for number in range(100))
