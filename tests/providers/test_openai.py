import pytest
from msgspec.structs import replace

from protocol.messages import Usage
from sidecar.providers import Finish
from tests.providers.asking import KEY, PROMPT, ask, opened
from tests.providers.scripted import Asked, chunk, event, good, running, stream

pytestmark = pytest.mark.anyio


async def test_the_texts_the_end_and_the_usage_of_a_good_stream() -> None:
    with running(stream(good("The sky", " scatters", " light."))) as server:
        async with opened(server.url) as provider:
            texts, end = await ask(provider)
    assert "".join(texts) == "The sky scatters light."
    assert end == Finish("stop", Usage(prompt_tokens=21, completion_tokens=48))
    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", "/v1/chat/completions")
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.json == {
        "model": "m",
        "messages": [
            {"role": "system", "content": PROMPT.system},
            {"role": "user", "content": "Why is the sky blue?"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        "max_tokens": 1000,
    }


async def test_all_deltas_of_one_read_are_one_text() -> None:
    with running(stream(good("a", "b", "c"))) as server:
        async with opened(server.url) as provider:
            assert (await ask(provider))[0] == ["abc"]


async def test_however_many_chunks_it_was_written_in() -> None:
    def script(asked: Asked) -> None:
        asked.head()
        events = [event(chunk(text)) for text in "abc"] + [event(chunk(finish_reason="stop"))]
        asked.send(b"".join(b"%x\r\n%b\r\n" % (len(content), content) for content in events) + b"0\r\n\r\n")

    with running(script) as server:
        async with opened(server.url) as provider:
            assert (await ask(provider))[0] == ["abc"]


async def test_the_connection_is_used_again() -> None:
    with running(stream(good("a"))) as server:
        async with opened(server.url) as provider:
            for _ in range(3):
                await ask(provider)
    assert [asked.number for asked in server.asked] == [0, 0, 0]


async def test_the_schema_of_an_answer_is_sent_as_a_strict_one() -> None:
    schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    with running(stream(good("{}"))) as server:
        async with opened(server.url) as provider:
            await ask(provider, replace(PROMPT, action="analyze", schema=schema))
    assert server.asked[0].json["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "analyze", "strict": True, "schema": schema},
    }
