"""`doctor` and the provider: how far a question comes, with real servers that are wrong in one way each."""

import re
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import trustme

from tests.e2e.conftest import Launch
from tests.e2e.doctor import PROVIDER_STEPS, examine
from tests.e2e.scripts import KEY, openai_at
from tests.providers.certificates import make_server, write
from tests.providers.scripted import Asked, Script, chunk, event, good, running, status, stream


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """Settings with which no sidecar is found."""
    return {"SIDECAR_SOCKET": str(tmp_path / "none.sock"), "SIDECAR_TCP": "off"}


@pytest.fixture
def closed_port() -> Iterator[int]:
    """One that nobody listens on, and nobody else gets."""
    with closing(socket.socket()) as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def drip(asked: Asked) -> None:
    """Answer in three pieces, and hold the fourth back until the client leaves."""
    question = str(asked.json["messages"])
    asked.head()
    if "to 400" in question:
        asked.chunk(event(chunk("one")))
        asked.hold()
    for text in ("1 ", "2 ", "3"):
        asked.chunk(event(chunk(text)))
        asked.pause(0.05)
    asked.chunk(good())
    asked.end()


def test_all_is_well_with_a_provider(launch: Launch, alone: dict[str, str]) -> None:
    with running(drip) as provider:
        found = examine(launch, {**alone, **openai_at(provider)})
        assert provider.asked[1].left.wait(5)
    assert found.exit_status == 0
    assert found.statuses(*PROVIDER_STEPS) == ["skipped", "ok", "skipped", "ok", "ok", "ok", "ok"]
    assert found["provider"][1] == "openai, model m"
    assert "3 pieces, the first after" in found["tokens"][1]
    assert "our connection was closed" in found["cancel"][1]


def test_who_named_a_model_that_is_not_there_is_told_which_are(launch: Launch, alone: dict[str, str]) -> None:
    has_none = status(404, {"error": {"message": "The model `m` does not exist"}})
    listed = status(200, {"data": [{"id": f"model-{number}"} for number in range(30)]})
    with running(has_none, listed) as provider:
        found = examine(launch, {**alone, **openai_at(provider)})
    assert found.statuses("model") == ["failed"]
    assert "The provider has model-0, model-1," in found["model"][1]
    assert "model-19 and 10 more." in found["model"][1]


@pytest.mark.parametrize(
    ("script", "statuses", "message"),
    [
        (
            stream(good(reason="length")),
            {"model": "warning", "tokens": "skipped", "cancel": "warning"},
            "used up its tokens",
        ),
        (status(401), {"connect": "ok", "key": "failed", "model": "skipped"}, "upstream_auth: .*OPENAI_API_KEY"),
        (
            status(404, {"error": {"message": f"The key {KEY} has no m"}}),
            {"connect": "ok", "key": "skipped", "model": "failed", "tokens": "skipped"},
            "upstream_bad_request: .*The key .* has no m.*Check OPENAI_MODEL",
        ),
        (status(200, b"<html>"), {"key": "skipped", "model": "failed"}, "upstream_protocol: "),
    ],
)
def test_how_far_a_question_comes_is_seen(
    launch: Launch, alone: dict[str, str], script: Script, statuses: dict[str, str], message: str
) -> None:
    with running(script) as provider:
        found = examine(launch, {**alone, **openai_at(provider)})
    assert found.exit_status == int("failed" in statuses.values())
    assert {name: found[name][0] for name in statuses} == statuses
    assert re.search(message, " ".join(found[name][1] for name in statuses))


def test_an_answer_that_breaks_off_fails_at_its_tokens(launch: Launch, alone: dict[str, str]) -> None:
    with running(stream(event(chunk("1 ")), cut=True)) as provider:
        found = examine(launch, {**alone, **openai_at(provider)})
    assert found.statuses("connect", "key", "model", "tokens", "cancel") == ["ok", "ok", "ok", "failed", "skipped"]


def test_the_second_question_may_fail(launch: Launch, alone: dict[str, str]) -> None:
    with running(stream(good("1 ", "2")), status(401)) as provider:
        found = examine(launch, {**alone, **openai_at(provider)})
    assert found.statuses("model", "cancel") == ["ok", "failed"]


def test_each_key_and_each_fallback_is_asked(launch: Launch, alone: dict[str, str], tmp_path: Path) -> None:
    def strict(asked: Asked) -> None:
        (status(401) if "revoked" in asked.headers["authorization"] else drip)(asked)

    (tmp_path / "keys").write_text("sk-canary-good\nsk-canary-revoked\n")
    with running(strict) as provider, running(status(503)) as other:
        (tmp_path / "other.env").write_text(f"OPENAI_BASE_URL={other.url}\nOPENAI_MODEL=o\nOPENAI_API_KEY={KEY}\n")
        upstream = openai_at(provider) | {"OPENAI_API_KEY": "", "OPENAI_API_KEY_FILE": str(tmp_path / "keys")}
        fallbacks = {"SIDECAR_FALLBACKS": f"small,{tmp_path / 'other.env'}", "SIDECAR_TIMEOUT_FIRST_TOKEN": "1.5"}
        found = examine(launch, {**alone, **upstream, **fallbacks})
    assert found.exit_status == 1
    assert found["provider"][1] == "openai, model m; 2 keys; fallbacks: 2"
    assert found.statuses(*PROVIDER_STEPS) == ["skipped", "ok", "skipped", "ok", "ok", "ok", "ok"]
    assert found.statuses("key_2", "fallback_1", "fallback_2") == ["failed", "ok", "failed"]
    assert "upstream_auth" in found["key_2"][1]
    assert "openai, model small, answers in" in found["fallback_1"][1]
    assert "upstream_error" in found["fallback_2"][1]


def test_a_closed_port_fails_at_connect(launch: Launch, alone: dict[str, str], closed_port: int) -> None:
    upstream = {"OPENAI_BASE_URL": f"http://localhost:{closed_port}", "OPENAI_MODEL": "m", "SIDECAR_PROVIDER": ""}
    upstream["SIDECAR_TIMEOUT_FIRST_TOKEN"] = "0.5"  # no time for another try
    found = examine(launch, {**alone, **upstream})
    assert found.exit_status == 1
    assert found.statuses(*PROVIDER_STEPS[:4]) == ["ok", "failed", "skipped", "skipped"]
    assert "not needed: none is set" in found["key"][1]
    assert "SIDECAR_EXTRACTIVE_FALLBACK=on lets `summarize`" in found["connect"][1]
    found = examine(launch, {**alone, **upstream, "SIDECAR_EXTRACTIVE_FALLBACK": "on"})
    assert "SIDECAR_EXTRACTIVE_FALLBACK" not in found["connect"][1]


def test_a_name_that_does_not_exist_fails_at_the_look_up(launch: Launch, alone: dict[str, str]) -> None:
    upstream = {"OPENAI_BASE_URL": "https://name.invalid", "OPENAI_MODEL": "m", "OPENAI_API_KEY": KEY}
    found = examine(launch, {**alone, **upstream, "SIDECAR_PROVIDER": "openai", "SIDECAR_TIMEOUT_FIRST_TOKEN": "1"})
    assert found.exit_status == 1
    if found["name_lookup"][0] == "failed":  # else no name server answers here, which is another failure
        assert "/etc/resolv.conf" in found["name_lookup"][1]
    else:
        assert found["connect"][0] == "failed"


def test_a_certificate_that_nobody_knows_fails_at_tls(launch: Launch, alone: dict[str, str], tmp_path: Path) -> None:
    authority = trustme.CA()
    with running(drip, tls=make_server(authority)) as provider:
        found = examine(launch, {**alone, **openai_at(provider)})
        assert found.exit_status == 1
        assert found.statuses("connect", "tls", "key") == ["ok", "failed", "skipped"]
        assert "The provider's certificate is not valid" in found["tls"][1]
        assert "SIDECAR_CA" in found["tls"][1]

        settings = {**alone, **openai_at(provider), "SIDECAR_CA": str(write(authority, tmp_path / "ca.pem"))}
        found = examine(launch, settings)
    assert found.exit_status == 0
    assert found.statuses("tls", "key", "model", "tokens", "cancel") == ["ok"] * 5
