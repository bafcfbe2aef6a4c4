"""Summaries that are kept: how many, and for how long."""

import anyio
import pytest

from sidecar.actions import Summaries
from sidecar.providers import Prompt
from tests.actions.answering import Said
from tests.actions.texts import write

pytestmark = pytest.mark.anyio


PAGE = write("en", 3_000)


def answer(prompt: Prompt) -> Said:
    return "A summary." if prompt.action == "condense" else "An answer."


async def test_summaries_are_kept_for_a_while_and_the_least_used_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidecar.actions._summaries._MAX_BYTES", 30)
    summaries = Summaries()
    for key in ("a", "b", "c"):
        async with summaries.hold(key) as place:
            assert place.text is None
            summaries.keep(key, place, "x" * 10)
        assert summaries.find("a") == "x" * 10
    async with summaries.hold("d") as place:
        summaries.keep("d", place, "x" * 10)
    assert [summaries.find(key) is not None for key in "abcd"] == [True, False, True, True]
    later = anyio.current_time() + 1801
    monkeypatch.setattr(anyio, "current_time", lambda: later)
    assert [summaries.find(key) for key in "abcd"] == [None] * 4
    async with summaries.hold("d") as place:
        assert place.text is None


async def test_as_many_summaries_as_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidecar.actions._summaries._MAX_SUMMARIES", 2)
    summaries = Summaries()
    async with summaries.hold("held"):
        for key in ("a", "b", "c"):
            async with summaries.hold(key) as place:
                summaries.keep(key, place, "text")
        assert [summaries.find(key) is not None for key in "abc"] == [False, False, True]
    assert len(summaries._places) == 1
