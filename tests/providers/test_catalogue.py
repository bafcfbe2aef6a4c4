"""Which models a provider has: asked through httpx, over our own connections."""

from pathlib import Path

import pytest
from trustme import CA

from sidecar.providers import catalogue
from sidecar.providers.catalogue import list_models
from tests.providers.asking import KEY, make_settings
from tests.providers.certificates import make_server, write
from tests.providers.scripted import Asked, Script, running, status

pytestmark = pytest.mark.anyio

OPENAI = {"object": "list", "data": [{"id": "gpt-4o", "object": "model"}, {"id": "meta/llama-3:8b", "owned_by": "x"}]}


async def test_the_names_are_those_that_the_provider_lists(tmp_path: Path) -> None:
    authority = CA()
    ca = str(write(authority, tmp_path / "ca.pem"))
    with running(status(200, OPENAI), tls=make_server(authority)) as server:
        settings = make_settings(f"{server.url}/x/v1?api-version=1", SIDECAR_CA=ca)
        assert await list_models(settings) == ("gpt-4o", "meta/llama-3:8b")
    (asked,) = server.asked
    assert (asked.method, asked.target) == ("GET", "/x/v1/models?api-version=1")
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["accept-encoding"] == "identity"
    assert "cookie" not in asked.headers


async def test_anthropic_is_asked_in_its_own_way() -> None:
    with running(status(200, {"data": [{"type": "model", "id": "claude-x"}], "has_more": False})) as server:
        assert await list_models(make_settings(server.url, SIDECAR_PROVIDER="anthropic")) == ("claude-x",)
    (asked,) = server.asked
    assert asked.target == "/v1/models"
    assert asked.headers["x-api-key"] == KEY
    assert "anthropic-version" in asked.headers


async def test_names_that_could_not_be_set_are_left_out() -> None:
    with running(status(200, {"data": [{"id": "\x1b[2Jm"}, {"id": "a b"}, {"id": ""}, {"id": "good"}]})) as server:
        assert await list_models(make_settings(server.url)) == ("good",)


def drips(asked: Asked) -> None:
    asked.head()
    while True:
        asked.chunk(b" " * 65536)


@pytest.mark.parametrize(
    "script",
    [
        status(404),
        status(302, Location="http://127.0.0.1:1/"),
        status(200, b"<html>"),
        status(200, {"models": []}),
        lambda asked: asked.cut(),
        lambda asked: asked.send(b"SSH-2.0\r\n"),
        lambda asked: asked.hold(),
        drips,
    ],
    ids=["not there", "elsewhere", "a page", "another list", "cut", "no HTTP", "silence", "without end"],
)
async def test_where_it_does_not_say_there_are_none(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_PATIENCE_SECONDS", 0.5)
    with running(script) as server:
        assert await list_models(make_settings(server.url)) == ()
        assert len(server.asked) == 1
