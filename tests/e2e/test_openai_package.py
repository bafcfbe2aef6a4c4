"""OpenAI's own package as a client of `/v1`, by TCP, with a scripted provider behind us."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.e2e.conftest import Serve
from tests.e2e.program import PATIENCE_SECONDS, Program
from tests.e2e.scripts import openai_at
from tests.moments import quickest
from tests.providers.scripted import Asked, Script, chunk, event, good, running, status, stream

TOKEN = "a-token-of-the-tests"
QUESTION = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is a prime?"}]


@contextmanager
def sidecar(serve: Serve, *scripts: Script) -> Iterator[tuple[str, list[Asked]]]:
    """Give the address of a sidecar, and what its provider was asked."""
    with running(*scripts) as provider:
        program = serve(SIDECAR_TCP_AUTH="on", SIDECAR_TOKEN=TOKEN, **openai_at(provider))
        yield f"http://127.0.0.1:{program.tcp_port}/v1", provider.asked
        program.end()


def client(url: str, key: str = TOKEN) -> OpenAI:
    return OpenAI(base_url=url, api_key=key, max_retries=0)


def ask(url: str, key: str = TOKEN, **fields: object) -> openai.types.chat.ChatCompletion:
    with client(url, key) as us:
        answer = us.chat.completions.create(model="m", messages=QUESTION, **fields)  # type: ignore[call-overload]
        assert isinstance(answer, openai.types.chat.ChatCompletion)
        return answer


def test_a_completion(serve: Serve) -> None:
    with sidecar(serve, stream(good("A prime ", "is ..."))) as (url, asked):
        answer = ask(url, max_tokens=50, temperature=0.5)
        with client(url) as us:
            assert [model.id for model in us.models.list()] == ["m"]
    assert answer.choices[0].message.content == "A prime is ..."
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.model, answer.id[:9], bool(answer.system_fingerprint)) == ("m", "chatcmpl-", True)
    assert abs(answer.created - time.time()) < 60
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (21, 48, 69)
    assert asked[0].json["messages"] == QUESTION
    assert (asked[0].json["max_tokens"], asked[0].json["temperature"]) == (50, 0.5)


def test_a_stream(serve: Serve) -> None:
    with sidecar(serve, stream(good("A prime ", "is ...", reason="length"))) as (url, _), client(url) as us:
        chunks = list(
            us.chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": "Hi"}],
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "A prime is ..."
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 69
    assert len({chunk.id for chunk in chunks}) == 1


def test_refusals_are_the_exceptions_that_clients_know(serve: Serve) -> None:
    limited = status(429, {"error": {"message": "Slow down."}}, Retry_After="60")
    with sidecar(serve, limited) as (url, _):
        with pytest.raises(openai.AuthenticationError) as refused:
            ask(url, "a-wrong-token")
        assert refused.value.code == "unauthorized"
        with pytest.raises(openai.BadRequestError, match="`tools` is not served here") as bad:
            ask(url, tools=[{"type": "function", "function": {"name": "f"}}])
        assert bad.value.type == "invalid_request_error"
        with pytest.raises(openai.BadRequestError, match="`model` is not offered here"), client(url) as us:
            us.chat.completions.create(model="other", messages=[{"role": "user", "content": "Hi"}])
        for is_stream in (False, True):
            with pytest.raises(openai.RateLimitError) as many:
                ask(url, stream=is_stream)
            assert many.value.code == "upstream_rate_limited"
            assert float(many.value.response.headers["retry-after"]) >= 59
        with pytest.raises(openai.NotFoundError), client(url) as us:
            us.models.retrieve("other")


def test_an_answer_that_breaks_off_is_an_error(serve: Serve) -> None:
    broken = stream(event(chunk("A prime ")), cut=True)
    with sidecar(serve, broken) as (url, _), client(url) as us:
        chunks = us.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}], stream=True)
        assert next(chunks).choices[0].delta.content == "A prime "
        with pytest.raises(openai.APIError) as failed:
            next(chunks)
        assert failed.value.code == "truncated"


def _one_token_and_silence(asked: Asked) -> None:
    asked.head()
    asked.chunk(event(chunk("A")))
    asked.hold()


def test_a_client_that_closes_its_stream_closes_the_providers_connection(serve: Serve) -> None:
    with sidecar(serve, _one_token_and_silence) as (url, asked), client(url) as us:

        def close() -> float:
            chunks = us.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}], stream=True)
            next(chunks)
            closed = time.monotonic()
            chunks.close()
            assert asked[-1].left.wait(PATIENCE_SECONDS)
            return asked[-1].left_at - closed

        assert quickest(close, goal=0.1) < 0.1


async def _read_all(url: str, count: int) -> list[str]:
    texts: list[str] = []

    async def read(us: AsyncOpenAI, number: int) -> None:
        content = f"Number {number}"
        chunks = await us.chat.completions.create(
            model="demo", messages=[{"role": "user", "content": content}], stream=True, max_tokens=100
        )
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])
        texts.append(text)
        assert text.endswith(content)

    async with AsyncOpenAI(base_url=url, api_key=TOKEN, max_retries=0) as us, anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(read, us, number)
    return texts


def test_fifty_streams_at_once_get_each_its_own_answer(serve: Serve) -> None:
    program: Program = serve(SIDECAR_TCP_AUTH="on", SIDECAR_TOKEN=TOKEN)
    url = f"http://127.0.0.1:{program.tcp_port}/v1"
    began = time.monotonic()
    assert len(set(anyio.run(_read_all, url, 50))) == 50
    assert time.monotonic() - began < 50  # one takes two seconds
