"""What servers send, as files, and what comes of it."""

import json

import pytest

from protocol.messages import Usage
from sidecar.errors import SidecarError
from sidecar.providers import Finish
from sidecar.providers.anthropic import AnthropicDialect
from sidecar.providers.dialect import Dialect
from sidecar.providers.failures import explain_status, read_complaint
from sidecar.providers.learning import Refusals
from sidecar.providers.openai import OpenAIDialect
from sidecar.providers.resilience import TryAgain
from tests.providers.reading import read, slices
from tests.providers.vectors import FOLDER, REFUSALS, STREAMS, Refusal, Stream


def dialect_of(name: str) -> Dialect:
    return AnthropicDialect() if name.startswith("anthropic:") else OpenAIDialect()


def error_of(failure: Exception) -> SidecarError:
    error = failure.error if isinstance(failure, TryAgain) else failure
    assert isinstance(error, SidecarError)
    return error


@pytest.mark.parametrize("size", [1, 7, 10**6])
@pytest.mark.parametrize("name", STREAMS)
def test_what_comes_of_an_answer_however_it_is_cut(name: str, size: int) -> None:
    vector: Stream = STREAMS[name]
    chunks, dialect = slices(vector.content, size), dialect_of(name)
    if vector.error is None:
        usage = Usage(prompt_tokens=vector.usage[0], completion_tokens=vector.usage[1]) if vector.usage else None
        assert read(*chunks, dialect=dialect) == (vector.text, Finish(vector.finish, usage))  # type: ignore[arg-type]
        return
    texts: list[str] = []
    with pytest.raises((SidecarError, TryAgain)) as caught:
        read(*chunks, dialect=dialect, into=texts)
    assert ("".join(texts), error_of(caught.value).code) == (vector.text, vector.error)


@pytest.mark.parametrize("name", REFUSALS)
def test_what_comes_of_a_refusal(name: str) -> None:
    vector: Refusal = REFUSALS[name]
    body = json.dumps(vector.body).encode()
    headers = {header.lower(): value for header, value in vector.headers.items()}
    failure = explain_status(vector.status, headers, body, str)
    assert error_of(failure).code == vector.error
    assert error_of(failure).retry_after == pytest.approx(vector.retry_after)
    assert isinstance(failure, TryAgain) == vector.is_tried_again
    refusals, sent = Refusals(), ("max_tokens", "stream_options", "temperature")
    assert refusals.learn("m", read_complaint(body), sent) == (vector.learns is not None)
    assert refusals.of("m") == ({vector.learns} if vector.learns else set())


def test_each_server_that_is_named_has_its_vectors() -> None:
    named = "openai azure openrouter deepseek mistral vllm llama_cpp ollama lm_studio groq anthropic"
    assert {path.stem for path in FOLDER.glob("*.json")} >= set(named.split())
