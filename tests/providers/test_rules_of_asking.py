"""providers.md 2.3, the rules that are about how one asks. A rule is a test, or some."""

import pytest
from msgspec import structs

from sidecar.errors import SidecarError
from tests.providers.asking import PROMPT, ask, opened
from tests.providers.faults import OK
from tests.providers.scripted import Asked, running, status


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["max_tokens", "stream_options", "temperature", "response_format"])
async def test_rule_14_what_a_model_does_not_take_is_learned_once_for_it(name: str) -> None:
    def strict(asked: Asked) -> None:
        if name in asked.json and asked.json["model"] == "m":
            status(400, {"error": {"message": f"Unsupported parameter: '{name}'", "param": name}})(asked)
        else:
            OK(asked)

    warm = structs.replace(PROMPT, temperature=0.5, schema={"type": "object"})
    with running(strict) as server:
        async with opened(server.url) as provider:
            for prompt in (warm, warm, structs.replace(warm, model="other")):
                assert (await ask(provider, prompt))[0] == ["ok"]
    assert [name in asked.json for asked in server.asked] == [True, False, False, True]
    instead = ["max_completion_tokens" in asked.json for asked in server.asked]
    assert instead == ([False, True, True, False] if name == "max_tokens" else [False] * 4)


@pytest.mark.anyio
async def test_rule_14_a_server_that_likes_no_form_is_not_asked_for_ever() -> None:
    def never(asked: Asked) -> None:
        name = "max_tokens" if "max_tokens" in asked.json else "max_completion_tokens"
        status(400, {"error": {"message": f"Unknown parameter: '{name}'"}})(asked)

    with running(never) as server:
        async with opened(server.url) as provider:
            with pytest.raises(SidecarError):
                await ask(provider)
        assert len(server.asked) == 4


@pytest.mark.anyio
async def test_rule_15_a_limit_that_is_used_up_is_waited_for() -> None:
    limits = {"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "300ms"}
    with running(status(429, **limits), OK) as server:
        async with opened(server.url) as provider:
            assert (await ask(provider))[0] == ["ok"]
    first, second = server.asked
    assert second.at - first.at > 0.29


@pytest.mark.anyio
async def test_rule_16_the_whole_address_is_asked() -> None:
    with running(OK) as server:
        async with opened(f"{server.url}/x/openai/deployments/d/?api-version=1&b=%20") as provider:
            await ask(provider)
    (asked,) = server.asked
    assert asked.target == "/x/openai/deployments/d/chat/completions?api-version=1&b=%20"
    assert "authorization" not in asked.headers
    assert asked.headers["api-key"].startswith("sk-canary")
