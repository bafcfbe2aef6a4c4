import anyio
import pytest
from anyio.lowlevel import checkpoint
from msgspec.structs import replace

from sidecar.errors import NotConfigured
from sidecar.providers.interface import Provider
from sidecar.providers.succession import Succession
from tests.replies.fakes import PROMPT, GatedProvider, settle

pytestmark = pytest.mark.anyio


class Holder(GatedProvider):
    """One that keeps something open."""

    def __init__(self, models: tuple[str, ...] = GatedProvider.models) -> None:
        super().__init__()
        self.models = models
        self.is_open = False

    async def __aenter__(self) -> "Holder":
        self.is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.is_open = False
        await checkpoint()


async def ask(provider: Provider, texts: list[str], model: str = "gated-1") -> None:
    async with provider.stream(replace(PROMPT, model=model)) as pieces:
        texts += [type(piece).__name__ async for piece in pieces]


async def test_what_runs_goes_on_and_what_comes_goes_to_the_new_one() -> None:
    old, new = Holder(), Holder()
    ended: list[str] = []
    said: list[str] = []
    async with anyio.create_task_group() as tasks, Succession() as succession:
        await succession.change(old)
        tasks.start_soon(ask, succession, said)
        await settle()
        old.calls[0].say("a")
        await succession.change(new, lambda: ended.append("old"))
        tasks.start_soon(ask, succession, [])
        await settle()
        assert (len(old.calls), len(new.calls)) == (1, 1)
        assert (old.is_open, new.is_open, ended) == (True, True, [])
        old.calls[0].finish()
        old.calls[0].stop()
        await settle()
        assert said == ["Text", "Finish"]
        assert (old.is_open, new.is_open, ended) == (False, True, ["old"])
        new.calls[0].stop()
    assert not new.is_open


async def test_one_that_nobody_asks_is_closed_at_once() -> None:
    old = Holder()
    async with Succession() as succession:
        await succession.change(old)
        await succession.change(Holder())
        await settle()
        assert not old.is_open


async def test_a_hundred_changes_leave_no_task() -> None:
    async with Succession() as succession:
        await succession.change(Holder())
        before = len(anyio.get_running_tasks())
        for _ in range(100):
            await succession.change(Holder())
        await settle()
        assert len(anyio.get_running_tasks()) == before


async def test_a_question_for_a_model_that_is_gone_goes_to_the_one_that_took_its_place() -> None:
    named, any_model = Holder(models=("new-1", "new-2")), Holder(models=("new-1", "*"))
    async with anyio.create_task_group() as tasks, Succession() as succession:
        for provider in (named, any_model):
            await succession.change(provider)
            for model in ("gated-1", "new-2"):
                tasks.start_soon(ask, succession, [], model)
            await settle()
        assert {call.prompt.model for call in named.calls} == {"new-1", "new-2"}
        assert {call.prompt.model for call in any_model.calls} == {"gated-1", "new-2"}
        tasks.cancel_scope.cancel()


async def test_there_may_be_none() -> None:
    ended: list[str] = []
    async with Succession() as succession:
        await succession.change(None, lambda: ended.append("nothing"))
        assert (succession.is_ready, ended) == (False, ["nothing"])
        with pytest.raises(NotConfigured):
            await ask(succession, [])
        provider = Holder()
        await succession.change(provider)
        assert (succession.is_ready, succession.name, succession.models) == (True, provider.name, provider.models)
        await succession.change(None, lambda: ended.append("provider"))
        await settle()
        assert (provider.is_open, ended[-1]) == (False, "provider")
