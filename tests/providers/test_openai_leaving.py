"""Whoever leaves closes the provider's connection, at once and whatever was going on; and nothing is lost by it."""

import time

import anyio
import anyio.to_thread
import pytest
from anyio.abc import TaskStatus

from sidecar.providers.openai import OpenAIDialect
from sidecar.providers.remote import Choice, RemoteProvider
from sidecar.secret import Secret
from tests.moments import quickest_of
from tests.providers.asking import PROMPT, ask, make_settings, opened
from tests.providers.scripted import ROLE, Asked, Script, ScriptedProvider, chunk, event, good, running, stream
from tests.providers.storm import storm

pytestmark = pytest.mark.anyio

A = event(chunk("a"))


def before_the_head(asked: Asked) -> None:
    asked.hold()


def behind_the_head(asked: Asked) -> None:
    asked.head()
    asked.hold()


def behind_the_role(asked: Asked) -> None:
    asked.head()
    asked.chunk(ROLE)
    asked.hold()


def between_tokens(asked: Asked) -> None:
    asked.head()
    asked.chunk(A)
    asked.hold()


def while_tokens_come(asked: Asked) -> None:
    asked.head()
    while True:
        asked.chunk(A)
        asked.waiting.set()
        asked.pause(0.001)


async def wait_asked(server: ScriptedProvider, count: int = 1) -> None:
    await anyio.to_thread.run_sync(server.wait_asked, count)


async def saw_leaving(asked: Asked) -> float:
    """Wait until the provider saw its client leave, and return when."""
    assert await anyio.to_thread.run_sync(asked.left.wait, 5)
    return asked.left_at


@pytest.mark.parametrize(
    "script", [before_the_head, behind_the_head, behind_the_role, between_tokens, while_tokens_come]
)
async def test_a_cancel_closes_the_connection_within_100_ms(script: Script) -> None:
    with running(script) as server:

        async def cancel() -> float:
            before = len(server.asked)
            async with opened(server.url) as provider, anyio.create_task_group() as tasks:
                tasks.start_soon(ask, provider)
                await wait_asked(server, before + 1)
                assert await anyio.to_thread.run_sync(server.asked[-1].waiting.wait, 5)
                tasks.cancel_scope.cancel()
                began = time.monotonic()
            return await saw_leaving(server.asked[-1]) - began

        assert await quickest_of(cancel, goal=0.1) < 0.1


async def test_leaving_the_block_closes_it_too_and_before_the_block_is_left() -> None:
    with running(while_tokens_come) as server:

        async def leave() -> float:
            async with opened(server.url) as provider:
                async with provider.stream(PROMPT) as pieces:
                    await anext(aiter(pieces))
                    began = time.monotonic()
                assert provider.connections_in_use == 0
                return await saw_leaving(server.asked[-1]) - began

        assert await quickest_of(leave, goal=0.1) < 0.1


async def test_an_exception_of_whoever_reads_closes_it_and_stays_what_it_is() -> None:
    with running(while_tokens_come) as server:
        async with opened(server.url) as provider:
            with pytest.raises(KeyError):
                await _fail_within(provider)
            await saw_leaving(server.asked[0])


async def _fail_within(provider: RemoteProvider) -> None:
    async with provider.stream(PROMPT) as pieces:
        await anext(aiter(pieces))
        raise KeyError


async def test_the_end_of_the_provider_ends_what_runs() -> None:
    async def read(*, task_status: TaskStatus[None]) -> None:
        async with provider.stream(PROMPT) as pieces:
            await anext(aiter(pieces))
            task_status.started()
            await anyio.sleep_forever()

    with running(while_tokens_come) as server:
        async with (
            anyio.create_task_group() as tasks,
            RemoteProvider([Choice(make_settings(server.url), OpenAIDialect())]) as provider,
        ):
            await tasks.start(read)
            tasks.cancel_scope.cancel()
        await saw_leaving(server.asked[0])


@pytest.mark.filterwarnings("error")
async def test_a_cancel_within_the_hand_shake_leaves_no_connection_behind() -> None:
    with running(before_the_head) as server:  # speaks no TLS
        async with opened(server.url.replace("http:", "https:")) as provider:
            for _ in range(5):
                with anyio.move_on_after(0.02):
                    await ask(provider)


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
async def test_cancels_at_random_moments_lose_no_place_descriptor_or_task(is_tls: bool) -> None:
    cancelled, _ = await storm(300, is_tls=is_tls)
    assert cancelled > 100


async def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(lambda asked: asked.answer(407, b"canary", Proxy_Authenticate="Basic")) as proxy:
        async with opened(
            "https://provider.invalid", SIDECAR_PROXY=proxy.url.replace("//", "//me:canary@")
        ) as provider:
            with pytest.raises(Exception, match=r"\AThe proxy \(SIDECAR_PROXY\)") as caught:
                await ask(provider)
        assert "canary" not in repr(caught.value)
        assert proxy.asked[0].method == "CONNECT"
        assert proxy.asked[0].target == "provider.invalid:443"
        assert len(proxy.asked) == 1


async def test_a_proxy_that_closes() -> None:
    with running(lambda asked: asked.cut()) as proxy:
        async with opened("https://provider.invalid", SIDECAR_PROXY=proxy.url) as provider:
            with pytest.raises(Exception, match=r"closed the connection|could not be reached"):
                await ask(provider)


async def test_plain_http_through_a_proxy() -> None:
    with running(stream(good("ok"))) as proxy:
        async with opened("http://127.0.0.1:1", SIDECAR_PROXY=proxy.url) as provider:
            assert (await ask(provider))[0] == ["ok"]
        assert proxy.asked[0].target == "http://127.0.0.1:1/v1/chat/completions"


def test_a_secret_of_a_proxy_is_one() -> None:
    assert "canary" not in repr(Secret("http://me:canary@proxy.example"))
