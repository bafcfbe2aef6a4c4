"""What questions that failed leave in memory: nothing for the garbage collector, and no key."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import uuid4

import anyio
import pytest

from sidecar.errors import SidecarError
from sidecar.providers.http_client import Answer
from sidecar.replies import Replies, ReplyLimits
from sidecar.secret import Secret
from tests.http_pool.asking import until
from tests.providers.asking import PROMPT, ask, opened
from tests.providers.scripted import Asked, Script, chunk, event, good, running, status, stream
from tests.replies.fakes import DETACHED, read, settle

pytestmark = pytest.mark.anyio

A = event(chunk("a"))
FAILURE = event({"error": {"message": "Overloaded.", "type": "server_error"}})


def two_tokens_and(last: bytes | None) -> Script:
    def script(asked: Asked) -> None:
        asked.head()
        for _ in range(2):
            asked.chunk(A)
            asked.pause(0.01)
        if last is None:
            asked.cut()
        asked.chunk(last or b"")
        asked.end()

    return script


SCRIPTS = {
    "good": stream(good("a")),
    "cut": two_tokens_and(None),
    "an error": two_tokens_and(FAILURE),
    "status 500": status(500, {"error": {"message": "Broken."}}),
    "status 401": status(401, {"error": {"message": "Wrong key."}}),
    "cut before the first token": stream(b"", cut=True),
}

each = pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)


@contextmanager
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def held(kind: type) -> list[object]:
    return [found for found in gc.get_objects() if isinstance(found, kind)]


@each
async def test_nothing_is_left_of_an_answer_for_the_garbage_collector(script: Script) -> None:
    with running(script) as server:
        async with opened(server.url) as provider:
            with without_collector():
                for _ in range(3):
                    with suppress(SidecarError):
                        await ask(provider)
                await settle()
                assert held(Answer) == []


@each
async def test_a_reply_that_is_kept_keeps_no_key_of_a_provider_that_was_closed(script: Script) -> None:
    key = f"sk-{uuid4()}"

    async def reply_of(replies: Replies) -> None:
        with running(script) as server:
            async with opened(server.url, OPENAI_API_KEY=key) as provider:
                reply = replies.open(PROMPT, DETACHED, provider)
                with anyio.fail_after(5):
                    await read(reply)
                replies.leave(reply)
                await until(lambda: provider.connections_in_use == 0)  # the end is told before the connection is back

    async with Replies(ReplyLimits()) as replies:
        await reply_of(replies)
        await settle()
        gc.collect()
        assert [found for found in held(Secret) if isinstance(found, Secret) and found.reveal() == key] == []
