"""The four clocks. Each provider here says nothing, or nothing of worth, for longer than its clock allows."""

import threading
import time

import anyio
import pytest
from msgspec import structs
from msgspec.structs import replace

from protocol.errors import Code
from sidecar.errors import Overloaded, SidecarError, TimeoutIdle
from sidecar.providers.anthropic import AnthropicDialect
from sidecar.providers.clocks import Clocks, Phase
from sidecar.providers.dialect import Dialect
from sidecar.providers.openai import OpenAIDialect
from tests.providers.asking import PATIENT, PROMPT, ask, opened
from tests.providers.scripted import DONE, ROLE, Asked, Script, chunk, event, good, running, status, stream
from tests.providers.vectors import STREAMS

pytestmark = pytest.mark.anyio

# Shorter than what a provider here takes, and long enough that nothing else runs out first.
SHORT = 0.1
A, STOP = event(chunk("a")), event(chunk(finish_reason="stop"))
EACH_STOPS = [event(chunk(text, finish_reason="stop")) for text in "ab"]


def silent(asked: Asked) -> None:
    asked.hold()


def only_a_head(asked: Asked) -> None:
    asked.head()
    asked.hold()


def slow_head(asked: Asked) -> None:
    asked.drip(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: 0123456789\r\n" * 100, seconds=0.01)


def only_a_role(asked: Asked) -> None:
    asked.head()
    asked.chunk(ROLE)
    asked.hold()


def only_signs_of_life(asked: Asked) -> None:
    asked.head()
    while True:
        for sign in (b": ping\n\n", b"data:\n\n", b"data: : ping\n\n", b"event: ping\n\n", ROLE):
            asked.chunk(sign)
            asked.pause(0.01)


def drip_without_content(asked: Asked) -> None:
    asked.head()
    for byte in b": " + b"x" * 10_000:
        asked.chunk(bytes([byte]))
        asked.pause(0.01)


def slow_json(asked: Asked) -> None:
    asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    asked.drip(b"{" + b" " * 10_000, seconds=0.01)


def slow_complaint(asked: Asked) -> None:
    asked.send(b"HTTP/1.1 400 Bad\r\nContent-Length: 100000\r\n\r\n")
    asked.hold()


@pytest.mark.parametrize(
    "script", [silent, only_a_head, slow_head, only_a_role, only_signs_of_life, drip_without_content, slow_json]
)
async def test_u12_u13_u14_no_first_token(script: Script) -> None:
    with running(script) as server:
        async with opened(server.url, replace(PATIENT, first_token_seconds=SHORT)) as provider:
            began = time.monotonic()
            with pytest.raises(SidecarError) as caught:
                await ask(provider)
            assert caught.value.code == Code.TIMEOUT_FIRST_TOKEN
            assert "0.1 s (SIDECAR_TIMEOUT_FIRST_TOKEN)" in str(caught.value)
            assert SHORT * 0.9 <= time.monotonic() - began < 3  # uvloop rounds to milliseconds
            assert len(server.asked) <= 1  # a busy machine may not have read it in so short a time


async def test_u14_tries_do_not_multiply_the_time() -> None:
    with running(status(503), silent) as server:
        async with opened(server.url, replace(PATIENT, first_token_seconds=0.7)) as provider:
            with pytest.raises(SidecarError) as caught:
                await ask(provider)
            assert caught.value.code == Code.TIMEOUT_FIRST_TOKEN
            assert len(server.asked) == 2


@pytest.mark.parametrize("tokens", [1, 50])
@pytest.mark.parametrize("noisy", [False, True])
async def test_u15_u16_an_answer_that_stands_still(tokens: int, noisy: bool) -> None:
    def script(asked: Asked) -> None:
        asked.head()
        for _ in range(tokens):
            asked.chunk(A)
        while noisy:
            asked.chunk(b": ping\n\n")
            asked.pause(0.01)
        asked.hold()

    with running(script) as server:
        async with opened(server.url, replace(PATIENT, idle_seconds=SHORT)) as provider:
            texts: list[str] = []
            with pytest.raises(TimeoutIdle, match="SIDECAR_TIMEOUT_IDLE"):
                await ask(provider, into=texts)
            assert "".join(texts) == "a" * tokens
            assert len(server.asked) == 1


async def test_u16_slow_but_steady_content_is_waited_for() -> None:
    def script(asked: Asked) -> None:
        asked.head()
        for _ in range(12):
            asked.pause(0.1)
            asked.chunk(A)
        asked.chunk(STOP + DONE)
        asked.end()

    with running(script) as server:
        async with opened(server.url, replace(PATIENT, idle_seconds=1.0)) as provider:
            assert "".join((await ask(provider))[0]) == "a" * 12


async def test_thoughts_are_content_to_the_clocks() -> None:
    def script(asked: Asked) -> None:
        asked.head()
        for _ in range(12):
            asked.chunk(event(chunk(delta={"reasoning_content": "hm"})))
            asked.pause(0.1)
        asked.chunk(A + STOP + DONE)
        asked.end()

    with running(script) as server:
        timeouts = replace(PATIENT, first_token_seconds=1.0, idle_seconds=1.0)
        async with opened(server.url, timeouts) as provider:
            assert (await ask(provider))[0] == ["a"]


async def test_u43_an_endless_answer() -> None:
    def script(asked: Asked) -> None:
        asked.head()
        while True:
            asked.chunk(A)
            asked.pause(0.01)

    with running(script) as server:
        async with opened(server.url, replace(PATIENT, total_seconds=SHORT)) as provider:
            with pytest.raises(SidecarError) as caught:
                await ask(provider)
            assert caught.value.code == Code.TIMEOUT_TOTAL


@pytest.mark.parametrize("last", [STOP, DONE])
async def test_what_never_ends_behind_the_models_own_end_loses_nothing(
    last: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sidecar.providers.route._DRAIN_SECONDS", SHORT)

    def script(asked: Asked) -> None:
        asked.head()
        asked.chunk(A + last)
        asked.hold()

    with running(script) as server:
        async with opened(server.url, replace(PATIENT, idle_seconds=SHORT)) as provider:
            assert (await ask(provider))[0] == ["a"]


@pytest.mark.parametrize("dialect", [OpenAIDialect(), AnthropicDialect()], ids=lambda dialect: dialect.name)
async def test_a_last_word_that_does_not_come_is_not_waited_for_as_long_as_a_token(
    dialect: Dialect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sidecar.providers.flow._LAST_WORD_SECONDS", SHORT)
    said = A + STOP
    if dialect.name == "anthropic":
        said = STREAMS["anthropic: a good answer"].content.partition(b"event: message_stop")[0]

    def script(asked: Asked) -> None:
        asked.head()
        asked.chunk(said)
        asked.hold()

    with running(script) as server:
        async with opened(server.url, PATIENT, dialect=dialect) as provider:
            began = time.monotonic()
            assert (await ask(provider))[1].reason == "stop"
            assert time.monotonic() - began < PATIENT.idle_seconds / 2


async def test_but_the_next_token_is_where_the_reason_stands_beside_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidecar.providers.flow._LAST_WORD_SECONDS", SHORT)

    def script(asked: Asked) -> None:
        asked.head()
        for said in (event(chunk(delta={"role": "assistant"}, finish_reason="stop")), *EACH_STOPS, DONE):
            asked.chunk(said)
            asked.pause(3 * SHORT)
        asked.end()

    with running(script) as server:
        async with opened(server.url) as provider:
            assert "".join((await ask(provider))[0]) == "ab"


async def test_u09_a_connection_that_is_not_completed() -> None:
    def mute(asked: Asked) -> None:
        raise AssertionError

    with running(mute) as server:  # speaks plain HTTP: it waits for a request, and we for its part of the hand-shake
        url = server.url.replace("http:", "https:")
        async with opened(url, replace(PATIENT, connect_seconds=SHORT)) as provider:
            began = time.monotonic()
            with pytest.raises(SidecarError) as caught:
                await ask(provider)
            assert caught.value.code in (Code.TIMEOUT_CONNECT, Code.UPSTREAM_TLS)
            assert time.monotonic() - began < 3


async def test_a_complaint_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidecar.providers.route._COMPLAINT_SECONDS", SHORT)
    with running(slow_complaint) as server:
        async with opened(server.url) as provider:
            with pytest.raises(SidecarError) as caught:
                await ask(provider)
            assert caught.value.code == Code.UPSTREAM_BAD_REQUEST


class TestPlaces:
    async def test_who_gets_none_in_time_is_told_so(self) -> None:
        def begin(asked: Asked) -> None:
            asked.head()
            asked.chunk(A)
            asked.hold()

        with running(begin) as server:
            timeouts = replace(PATIENT, first_token_seconds=0.5)
            one_place = opened(server.url, timeouts, SIDECAR_MAX_UPSTREAM="1")
            async with one_place as provider, provider.stream(PROMPT) as pieces:
                await anext(aiter(pieces))
                with pytest.raises(Overloaded, match=r"SIDECAR_MAX_UPSTREAM") as caught:
                    await ask(provider)
                assert caught.value.retry_after is not None
            assert len(server.asked) == 1

    async def test_u55_they_are_given_in_the_order_of_asking(self) -> None:
        gate = threading.Event()

        def gated(asked: Asked) -> None:
            assert gate.wait(5)
            stream(good("ok"))(asked)

        with running(gated) as server:
            async with opened(server.url, SIDECAR_MAX_UPSTREAM="1") as provider:
                async with anyio.create_task_group() as tasks:
                    for number in range(1, 21):
                        tasks.start_soon(ask, provider, structs.replace(PROMPT, max_tokens=number))
                        await anyio.wait_all_tasks_blocked()
                    gate.set()
                assert [asked.json["max_tokens"] for asked in server.asked] == list(range(1, 21))


async def test_the_total_clock_runs_in_every_phase() -> None:
    for phase in Phase:
        clocks = Clocks(replace(PATIENT, total_seconds=0.01))
        clocks.enter(phase)
        with pytest.raises(SidecarError) as caught, clocks.running():
            await anyio.sleep(5)
        assert caught.value.code == Code.TIMEOUT_TOTAL


async def test_a_phase_that_is_entered_moves_the_deadline_of_what_is_awaited() -> None:
    clocks = Clocks(replace(PATIENT, connect_seconds=5, idle_seconds=0.01))
    clocks.enter(Phase.CONNECTION)

    async def hear_and_wait() -> None:
        clocks.enter(Phase.NEXT_TOKEN)
        await anyio.sleep(5)

    with pytest.raises(TimeoutIdle), clocks.running():
        await hear_and_wait()


async def test_who_is_cancelled_from_outside_has_not_run_out_of_time() -> None:
    clocks = Clocks(PATIENT)
    with anyio.move_on_after(0.01) as scope, clocks.running():
        await anyio.sleep(5)
    assert scope.cancelled_caught
