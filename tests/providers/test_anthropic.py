"""Anthropic's dialect over real connections: how it is asked, and what its faults come to. Its events: the vectors."""

import pytest
from msgspec import structs
from msgspec.structs import replace

from protocol.messages import Usage
from sidecar.errors import SidecarError
from sidecar.providers import Finish, Message
from sidecar.providers.anthropic import AnthropicDialect
from sidecar.providers.choosing import choose_provider, locate
from sidecar.providers.remote import RemoteProvider
from sidecar.settings import SettingsError, load_settings
from tests.providers.asking import KEY, PROMPT, ask, opened
from tests.providers.scripted import Asked, Script, running, status, stream
from tests.providers.vectors import STREAMS

GOOD = stream(STREAMS["anthropic: a good answer"].content)
OVERLOADED = stream(STREAMS["anthropic: overloaded, before the first word"].content)
NONE: frozenset[str] = frozenset()


def complaint(kind: str, message: str) -> dict[str, object]:
    return {"type": "error", "error": {"type": kind, "message": message}}


@pytest.mark.anyio
async def test_how_it_is_asked_and_what_it_answers() -> None:
    with running(GOOD) as server:
        async with opened(server.url, dialect=AnthropicDialect()) as provider:
            texts, end = await ask(provider)
    assert "".join(texts) == "Hello!"
    assert end == Finish("stop", Usage(prompt_tokens=25, completion_tokens=15))
    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", "/v1/messages")
    assert asked.headers["x-api-key"] == KEY
    assert asked.headers["anthropic-version"] == "2026-10-21"
    assert "authorization" not in asked.headers
    assert asked.json == {
        "model": "m",
        "max_tokens": 1000,
        "system": PROMPT.system,
        "messages": [{"role": "user", "content": "Why is the sky blue?"}],
        "stream": True,
    }


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("scripts", "end", "tries"),
    [
        ((OVERLOADED, GOOD), "stop", 2),
        ((OVERLOADED,), "upstream_error", 3),
        ((status(529, complaint("overloaded_error", "Overloaded")), GOOD), "stop", 2),
        ((status(401, complaint("authentication_error", "no")), GOOD), "upstream_auth", 1),
        ((stream(STREAMS["anthropic: overloaded, within the stream"].content), GOOD), "upstream_error", 1),
        ((stream(STREAMS["anthropic: broken off"].content, cut=True), GOOD), "truncated", 1),
    ],
)
async def test_what_its_faults_come_to(scripts: tuple[Script, ...], end: str, tries: int) -> None:
    with running(*scripts) as server:
        async with opened(server.url, dialect=AnthropicDialect()) as provider:
            try:
                came: str = (await ask(provider))[1].reason
            except SidecarError as exc:
                came = exc.code
    assert (came, len(server.asked)) == (end, tries)


def test_no_temperature_is_sent_as_its_provider_takes_none() -> None:
    assert "temperature" not in AnthropicDialect().write(structs.replace(PROMPT, temperature=0.5), NONE)


def test_without_a_system_prompt_none_is_sent() -> None:
    assert "system" not in AnthropicDialect().write(structs.replace(PROMPT, system=""), NONE)


@pytest.mark.anyio
async def test_a_schema_is_sent_to_models_that_take_one() -> None:
    def strict(asked: Asked) -> None:
        if "output_config" in asked.json:
            status(400, complaint("invalid_request_error", "output_config is not supported by this model."))(asked)
        else:
            GOOD(asked)

    schema = {"type": "object"}
    with running(strict) as server:
        async with opened(server.url, dialect=AnthropicDialect()) as provider:
            for _ in range(2):
                await ask(provider, structs.replace(PROMPT, schema=schema))
    wanted = {"format": {"type": "json_schema", "schema": schema}}
    assert [asked.json.get("output_config") for asked in server.asked] == [wanted, None, None]


def test_a_conversation_begins_with_the_person_and_has_no_blank_turn() -> None:
    turns = (Message("assistant", "Hi"), Message("user", " "), Message("assistant", ""), Message("user", "Why?"))
    assert AnthropicDialect().write(structs.replace(PROMPT, messages=turns), NONE)["messages"] == [
        {"role": "user", "content": "..."},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "..."},
        {"role": "assistant", "content": "..."},
        {"role": "user", "content": "Why?"},
    ]


@pytest.mark.parametrize(
    ("base", "url"),
    [
        (None, "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/messages"),
        ("https://a.example/anthropic", "https://a.example/anthropic/v1/messages"),
        ("https://a.example/x/messages?k=v", "https://a.example/x/messages?k=v"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1/v1/messages"),
    ],
)
def test_where_it_is(base: str | None, url: str) -> None:
    assert AnthropicDialect().locate(base).url == url
    assert locate(replace(load_settings(), provider="anthropic", base_url=base)).url == url


def test_it_is_chosen_by_name_with_the_same_settings() -> None:
    texts = {"SIDECAR_PROVIDER": "anthropic", "OPENAI_API_KEY": KEY, "OPENAI_MODEL": "claude-x", "OPENAI_BASE_URL": ""}
    provider = choose_provider(load_settings(overrides=texts))
    assert isinstance(provider, RemoteProvider)
    assert (provider.name, provider.models) == ("anthropic", ("claude-x",))
    with pytest.raises(SettingsError, match="OPENAI_API_KEY or OPENAI_API_KEY_FILE must give the provider's key"):
        choose_provider(load_settings(overrides={**texts, "OPENAI_API_KEY": ""}))
    with pytest.raises(SettingsError, match="SIDECAR_ALLOW_HTTP"):
        choose_provider(load_settings(overrides={**texts, "OPENAI_BASE_URL": "http://a.example"}))
