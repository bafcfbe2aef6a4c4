"""The plugin of the system that this one replaces goes on working, and pays no answer twice."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.conftest import Serve
from tests.e2e.program import MAIN, PATIENCE_SECONDS, environment
from tests.e2e.scripts import KEY, openai_at
from tests.providers.scripted import Script, ScriptedProvider, chunk, event, good, running, status, stream

_SCRIPT = Path(__file__).parent / "old_client.php"

# As that plugin sends it: every field, though there is nothing in it.
REQUEST = {"action": "chat", "content": "What is a prime?", "context": None, "user_id": 2}


def old_options(provider: ScriptedProvider) -> list[str]:
    return [
        *("--api-key", KEY),
        *("--base-url", provider.url),
        *("--model", "m"),
        *("--max-tokens", "500"),
        *("--summarize-threshold", "2000"),
    ]


def ask(
    url: str, provider: ScriptedProvider, request: Mapping[str, object] = REQUEST
) -> tuple[str, dict[str, object], str]:
    """Return by which way the answer came, the answer, and what the child said on stderr."""
    command = json.dumps([*MAIN, *old_options(provider)])
    done = subprocess.run(
        ["php", str(_SCRIPT), url, command, json.dumps(request)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
        env=environment(SIDECAR_PROVIDER="openai", OPENAI_API_KEY=KEY),
    )
    print(done.stdout, done.stderr)  # where tests/canary.py looks through it
    way, _, answer = done.stdout.partition("\n")
    return way, json.loads(answer), done.stderr


def test_by_http(serve: Serve) -> None:
    with running(stream(good("Two ", "divisors."))) as provider:
        program = serve(**openai_at(provider))
        way, answer, _ = ask(f"http://127.0.0.1:{program.tcp_port}/ai", provider)
    assert (way, answer["success"], answer["data"]) == ("http", True, "Two divisors.")


def test_a_text_so_long_that_curl_asks_first_whether_to_go_on(serve: Serve) -> None:
    with running(stream(good("Two ", "divisors."))) as provider:
        program = serve(**openai_at(provider))
        long = REQUEST | {"action": "summarize", "content": "A long page. " * 5000}
        way, answer, _ = ask(f"http://127.0.0.1:{program.tcp_port}/ai", provider, long)
    assert (way, answer["success"]) == ("http", True)


def test_where_tcp_asks_for_a_token_that_it_has_not_the_child_answers(serve: Serve) -> None:
    with running(stream(good("Two ", "divisors."))) as provider:
        program = serve(**openai_at(provider) | {"SIDECAR_TCP_AUTH": "on"})
        way, answer, _ = ask(f"http://127.0.0.1:{program.tcp_port}/ai", provider)
        assert (way, answer["success"]) == ("stdio", True)
        assert len(provider.asked) == 1


def test_by_stdio_with_its_five_options() -> None:
    with running(stream(good("Two ", "divisors."))) as provider:
        way, answer, said = ask("", provider)
        [asked] = provider.asked
    assert (way, answer["success"], answer["data"]) == ("stdio", True, "Two divisors.")
    assert (asked.json["model"], asked.json["max_tokens"]) == ("m", 500)
    assert "--api-key" in said  # where it does not belong, and why


def test_where_nobody_listens_the_child_answers() -> None:
    with running(stream(good("Two ", "divisors."))) as provider:
        assert ask("http://127.0.0.1:1/ai", provider)[0] == "stdio"


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (status(401, {"error": {"message": "no"}}), "upstream_auth"),
        (status(400, {"error": {"message": "no"}}), "upstream_bad_request"),
        (stream(event(chunk("Two ")), cut=True), "truncated"),
    ],
)
def test_a_failure_is_answered_so_that_it_is_not_paid_twice(serve: Serve, script: Script, code: str) -> None:
    with running(script) as provider:
        program = serve(**openai_at(provider))
        way, answer, _ = ask(f"http://127.0.0.1:{program.tcp_port}/ai", provider)
        assert (way, answer["success"], answer["code"]) == ("http", False, code)
        assert isinstance(answer["error"], str)
        assert len(provider.asked) == 1


@pytest.mark.parametrize("request_", [{"action": "paint", "content": "x"}, {"action": "chat", "content": ""}])
def test_what_is_refused_is_answered_so_too(serve: Serve, request_: dict[str, object]) -> None:
    with running(stream(good("x"))) as provider:
        program = serve(**openai_at(provider))
        way, answer, _ = ask(f"http://127.0.0.1:{program.tcp_port}/ai", provider, request_)
        assert (way, answer["success"]) == ("http", False)
        assert provider.asked == []


def test_no_json_is_answered_in_the_old_words() -> None:
    done = subprocess.run(
        [*MAIN, "--max-tokens", "5"],
        input=b"nonsense\n",
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=True,
        env=environment(),
    )
    assert json.loads(done.stdout) == {"success": False, "error": "Invalid JSON request", "code": "bad_message"}
