"""Anthropic's own package is asked the same by the same provider, and hears the same."""

import warnings

import anyio
import anyio.to_thread
import pytest

from protocol.messages import Usage
from sidecar.providers import Finish
from sidecar.providers.anthropic import AnthropicDialect
from tests.providers.asking import KEY, PROMPT, ask, opened
from tests.providers.scripted import Asked, Script, running, stream
from tests.providers.vectors import for_peer

VECTORS = for_peer("anthropic")
CONTENT = VECTORS["anthropic: a good answer"].content


def byte_by_byte(asked: Asked) -> None:
    asked.head()
    for index in range(len(CONTENT)):
        asked.chunk(CONTENT[index : index + 1])
    asked.end()


SCRIPTS: dict[str, Script] = {
    **{name: stream(vector.content) for name, vector in VECTORS.items()},
    "byte by byte": byte_by_byte,
    "CRLF": stream(CONTENT.replace(b"\n", b"\r\n")),
    "U+2028": stream(CONTENT.replace(b"Hello", "a\u2028b\u0085c".encode())),
}


def ask_officially(url: str) -> tuple[str, str | None, Usage]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import anthropic
    with (
        anthropic.Anthropic(api_key=KEY, base_url=url, max_retries=0) as client,
        client.messages.stream(
            model=PROMPT.model,
            max_tokens=PROMPT.max_tokens,
            system=PROMPT.system,
            messages=[{"role": "user", "content": "Why is the sky blue?"}],
        ) as answer,
    ):
        message = answer.get_final_message()
    text = "".join(block.text for block in message.content if block.type == "text")
    usage = Usage(prompt_tokens=message.usage.input_tokens, completion_tokens=message.usage.output_tokens)
    return text, message.stop_reason, usage


@pytest.mark.anyio
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
async def test_both_hear_the_same(script: Script) -> None:
    with running(script) as server, anyio.fail_after(10):
        async with opened(server.url, dialect=AnthropicDialect()) as provider:
            texts, end = await ask(provider)
        text, reason, usage = await anyio.to_thread.run_sync(ask_officially, server.url)
    ours = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "refusal": "refused"}
    ours["model_context_window_exceeded"] = "length"
    assert "".join(texts) == text
    assert end == Finish(ours.get(reason or "", "other"), usage)  # type: ignore[arg-type]
    we, they = server.asked
    assert we.target == they.target
    assert we.json == they.json
    assert we.headers["x-api-key"] == KEY  # as its documentation has it
    assert they.headers["authorization"] == f"Bearer {KEY}"
    assert we.headers["anthropic-version"] == they.headers["anthropic-version"]
