from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import TaskGroup

from sidecar.errors import Overloaded, SidecarError, Truncated
from sidecar.providers import Finish, Piece, Stage, Text
from sidecar.providers.fair_queue import Asker
from sidecar.providers.queued import QueuedProvider, Turns
from tests.replies.fakes import PROMPT, GatedProvider, settle

pytestmark = pytest.mark.anyio


class Question:
    """One question and what came for it."""

    def __init__(self, provider: GatedProvider, turns: Turns, asker: Asker) -> None:
        self._provider = QueuedProvider(provider, turns, asker)
        self.came: list[Piece] = []
        self.error: SidecarError | None = None
        self.scope = anyio.CancelScope()

    @property
    def stages(self) -> list[tuple[int, int]]:
        return [(piece.done, piece.total) for piece in self.came if isinstance(piece, Stage)]

    async def run(self) -> None:
        try:
            with self.scope:
                async with self._provider.stream(PROMPT) as pieces:
                    async for piece in pieces:
                        self.came.append(piece)
                        if isinstance(piece, Finish):
                            break
        except SidecarError as exc:
            self.error = exc


class Desk:
    """A provider with few places, and those who ask."""

    def __init__(self, tasks: TaskGroup, *, places: int, max_seconds: float) -> None:
        self._tasks = tasks
        self.provider = GatedProvider()
        self.turns = Turns(places, max_seconds=max_seconds)

    async def ask(self, course_id: str | None = None, user_id: str | None = None) -> Question:
        question = Question(self.provider, self.turns, Asker(course_id, user_id))
        self._tasks.start_soon(question.run)
        await settle()
        return question


@asynccontextmanager
async def open_desk(places: int = 1, *, max_seconds: float = 60) -> AsyncIterator[Desk]:
    async with anyio.create_task_group() as tasks:
        yield Desk(tasks, places=places, max_seconds=max_seconds)
        tasks.cancel_scope.cancel()


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what the clock brings: positions are told once a second."""
    with anyio.fail_after(5):
        while not is_so():  # noqa: ASYNC110
            await anyio.sleep(0.02)


async def test_while_there_are_places_nothing_is_said_of_a_queue() -> None:
    async with open_desk(places=2) as desk:
        questions = [await desk.ask(), await desk.ask()]
        for call in desk.provider.calls:
            call.say("text")
            call.finish()
        await settle()
        for question in questions:
            assert [type(piece) for piece in question.came] == [Text, Finish]
        assert len(desk.turns.queue) == 0


async def test_who_waits_is_told_the_position_and_asked_for_when_the_turn_has_come() -> None:
    async with open_desk() as desk:
        first = await desk.ask()
        second = await desk.ask()
        assert second.stages == [(0, 1)]
        assert second.came[0] == Stage("queued", 0, 1)
        assert len(desk.provider.calls) == 1
        desk.provider.calls[0].finish()
        await settle()
        assert second.stages == [(0, 1), (1, 1)]
        assert len(desk.provider.calls) == 2
        desk.provider.calls[1].say("text")
        desk.provider.calls[1].finish()
        await settle()
        assert [type(piece) for piece in second.came] == [Stage, Stage, Text, Finish]
        assert first.error is second.error is None


async def test_the_position_moves_on_as_others_have_their_turns_or_leave() -> None:
    async with open_desk() as desk:
        await desk.ask()
        second, third, last = [await desk.ask() for _ in range(3)]
        await until(lambda: last.stages[-1] == (0, 3))
        third.scope.cancel()
        await until(lambda: last.stages[-1] == (0, 2))
        desk.provider.calls[0].finish()
        await until(lambda: last.stages[-1] == (1, 2))
        assert second.stages[-1] == (1, 1)


async def test_another_course_goes_between() -> None:
    async with open_desk() as desk:
        await desk.ask("maths", "1")
        mine = [await desk.ask("maths", "1") for _ in range(3)]
        other = await desk.ask("art", "2")
        for call_number in range(2):
            desk.provider.calls[call_number].finish()
            await settle()
        assert other.stages[-1][0] == other.stages[-1][1]
        assert [question.stages[-1][0] == question.stages[-1][1] for question in mine] == [True, False, False]


async def test_who_has_waited_too_long_is_told_so_and_frees_his_place_in_the_queue() -> None:
    async with open_desk(max_seconds=0.05) as desk:
        await desk.ask()
        late = await desk.ask()
        await until(lambda: late.error is not None)
        assert isinstance(late.error, Overloaded)
        assert "SIDECAR_QUEUE_SECONDS" in str(late.error)
        assert late.error.retry_after == 5
        assert len(desk.turns.queue) == 0


@pytest.mark.parametrize("way", ["cancel", "fail", "stop"])
async def test_however_a_question_ends_its_place_is_the_next_ones(way: str) -> None:
    async with open_desk() as desk:
        first, _ = await desk.ask(), await desk.ask()
        ways: dict[str, Callable[[], object]] = {
            "cancel": first.scope.cancel,
            "fail": lambda: desk.provider.calls[0].fail(Truncated("It broke off.")),
            "stop": desk.provider.calls[0].stop,
        }
        ways[way]()
        await settle()
        assert len(desk.provider.calls) == 2


async def test_it_is_the_provider_that_it_stands_before() -> None:
    provider = GatedProvider()
    queued = QueuedProvider(provider, Turns(1, max_seconds=1), Asker())
    assert (queued.name, queued.models, queued.is_ready) == (provider.name, provider.models, True)
