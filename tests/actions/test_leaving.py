"""Who leaves while a long text is worked on closes every call."""

import anyio
import anyio.lowlevel
import pytest

from protocol.messages import Summarize
from sidecar.actions import Summaries, Work, make_plan
from sidecar.actions._model import MAX_PARALLEL
from sidecar.providers import Prompt, Stage
from tests.actions.answering import MARKER, AnsweringProvider, new_rules
from tests.actions.texts import write

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("stage", ["map", "last"])
async def test_who_leaves_closes_every_call_at_once(stage: str) -> None:
    is_waiting = anyio.Event()
    provider = AnsweringProvider()

    async def gate(prompt: Prompt) -> None:
        if stage == "last" and prompt.action == "condense":
            return
        if stage == "last" or provider.running == MAX_PARALLEL:
            is_waiting.set()
        await anyio.sleep_forever()

    provider.gate = gate
    prompt, plan = make_plan(Summarize(content=write("en", 12_000)), new_rules(), marker=MARKER)
    work = Work(provider, plan, summaries=Summaries())

    async def read() -> None:
        async with work.stream(prompt) as pieces:
            async for _ in pieces:
                pass

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await is_waiting.wait()
            assert provider.running == (MAX_PARALLEL if stage == "map" else 1)
            tasks.cancel_scope.cancel()
    assert provider.running == 0
    spent = work.spent()
    assert spent.estimated
    assert spent.prompt_tokens >= len(prompt.subject) // 4 // 8


async def test_who_leaves_between_two_stages_closes_every_call(anyio_backend_name: str) -> None:
    provider = AnsweringProvider(gate=lambda _: anyio.sleep_forever())
    prompt, plan = make_plan(Summarize(content=write("en", 12_000)), new_rules(), marker=MARKER)
    async with Work(provider, plan, summaries=Summaries()).stream(prompt) as pieces:
        async for piece in pieces:
            assert isinstance(piece, Stage)
            await anyio.wait_all_tasks_blocked()
            assert provider.running == MAX_PARALLEL
            break
    assert provider.running == 0
