"""OpenAI's own package is asked the same by the same provider, and hears the same."""

import warnings

import anyio
import anyio.to_thread
import pytest

from protocol.messages import Usage
from sidecar.providers import Finish
from tests.providers.asking import KEY, PROMPT, ask, opened
from tests.providers.scripted import DONE, ROLE, USAGE, Asked, Script, chunk, event, good, running, stream
from tests.providers.vectors import for_peer

pytestmark = pytest.mark.anyio

A, STOP = event(chunk("a")), event(chunk(finish_reason="stop"))


def byte_by_byte(asked: Asked) -> None:
    asked.head()
    asked.connection.socket.settimeout(5)
    content = good("The sky", " scatters – ", "light 😀")
    for index in range(len(content)):
        asked.chunk(content[index : index + 1])
    asked.end()


def until_the_close(asked: Asked) -> None:
    asked.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + good("a", "b"))
    asked.cut()


STREAMS: dict[str, Script] = {
    "good": stream(good("The sky", " scatters", " light.")),
    "byte by byte": byte_by_byte,
    "until the close": until_the_close,
    "CRLF": stream(good("a", "b").replace(b"\n", b"\r\n")),
    "comments": stream(b": ping\n\n" + ROLE + b": ping\n\n" + A + b": ping\n\n" + STOP + event(USAGE) + DONE),
    "U+2028 and other ends of lines that are none": stream(good("a\u2028b\u0085c")),
    "empty choices first": stream(event({**chunk(), "choices": []}) + good("a")),
    "length": stream(good("a", reason="length")),
    "content_filter": stream(good("a", reason="content_filter")),
    "several lines of data": stream(good("a").replace(b'"object"', b'\ndata: "object"')),
    "no usage": stream(ROLE + A + STOP + DONE),
    **{name: stream(vector.content) for name, vector in for_peer("openai").items()},
    "a long one": stream(good(*("word " * 2000).split(" "))),
}


def ask_officially(url: str) -> tuple[str, str | None, Usage | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import openai
    text, reason, usage = "", None, None
    with openai.OpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=0) as client:
        answer = client.chat.completions.create(
            model=PROMPT.model,
            messages=[{"role": "user", "content": "Why is the sky blue?"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        for part in answer:
            for choice in part.choices:
                text += choice.delta.content or ""
                reason = choice.finish_reason or reason
            if part.usage is not None:
                usage = Usage(prompt_tokens=part.usage.prompt_tokens, completion_tokens=part.usage.completion_tokens)
    return text, reason, usage


@pytest.mark.parametrize("script", STREAMS.values(), ids=STREAMS)
async def test_both_hear_the_same(script: Script) -> None:
    with running(script) as server, anyio.fail_after(10):
        async with opened(server.url) as provider:
            texts, end = await ask(provider)
        text, reason, usage = await anyio.to_thread.run_sync(ask_officially, server.url)
    ours = {"stop": "stop", "length": "length", "content_filter": "filtered", None: "other"}[reason]
    assert "".join(texts) == text
    assert end == Finish(ours, usage)  # type: ignore[arg-type]
    assert server.asked[0].target == server.asked[1].target
    assert server.asked[0].headers["authorization"] == server.asked[1].headers["authorization"]
