"""What is said of the sidecar itself."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from protocol.messages import Usage
from sidecar import __version__
from sidecar.errors import TimeoutIdle
from tests.dialects.http.talking import Talk
from tests.session.fakes import GatedProvider
from tests.session.house import House, open_house

pytestmark = pytest.mark.anyio


async def statuses(house: House) -> list[int]:
    talk = Talk(house)
    return [(await talk.ask("GET", path)).status for path in ("/livez", "/readyz", "/health")]


async def test_health_says_what_is_true() -> None:
    async with open_house() as house:
        health = (await Talk(house).ask("GET", "/health")).json()
        uptime = health.pop("uptime")
        assert isinstance(uptime, float)
        assert 0 <= uptime < 60
        assert health == {
            "status": "healthy",
            "service": "openai-moodle-sidecar",
            "version": __version__,
            "provider": "gated",
            "ready": True,
        }
        assert await statuses(house) == [200, 200, 200]


async def test_a_sidecar_that_ends_lives_and_is_not_ready() -> None:
    async with open_house() as house:
        house.service.is_draining = True
        assert await statuses(house) == [200, 503, 503]
        talk = Talk(house)
        assert (await talk.ask("GET", "/readyz")).body == b"not ready\n"
        health = (await talk.ask("GET", "/health")).json()
        assert (health["status"], health["ready"]) == ("unhealthy", False)
        assert (await talk.ask("HEAD", "/health")).body == b""


async def test_a_provider_that_has_no_chance_is_not_ready() -> None:
    class Locked(GatedProvider):
        is_ready = False

    async with open_house(Locked()) as house:
        assert await statuses(house) == [200, 503, 503]


async def read_metrics(house: House) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    response = await Talk(house).ask("GET", "/metrics")
    assert response.status == 200
    assert response.fields["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.body.decode())
        for sample in family.samples
    }


async def test_metrics_count_requests_calls_and_tokens() -> None:
    async with open_house() as house:
        talk = Talk(house)
        for reason in ("stop", None, "unread"):
            talk.send("POST", "/summarize", {"content": "A text.", "stream": reason is None})
            call = await house.next_call()
            call.say("Text.")
            if reason == "unread":
                talk.client.stream.leave()
                await talk.client.ended()
                continue
            if reason:
                call.finish("stop", Usage(prompt_tokens=300, completion_tokens=5))
            else:
                call.fail(TimeoutIdle("Silence."))
            await talk.response()
        await Talk(house).ask("POST", "/chat", {"content": ""})
        found = await read_metrics(house)

    def value(name: str, **labels: str) -> float:
        return found[name, frozenset(labels.items())]

    assert value("sidecar_requests_total", action="summarize", outcome="done") == 1
    assert value("sidecar_requests_total", action="summarize", outcome="timeout_idle") == 1
    assert value("sidecar_requests_total", action="summarize", outcome="unread") == 1
    assert value("sidecar_requests_total", action="chat", outcome="invalid_parameter") == 1
    call_ = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "gated", "action": "summarize"}
    call_["gen_ai_request_model"] = "other"  # the house names none
    seconds = "gen_ai_client_operation_duration_seconds_count"
    for error in ("", "timeout_idle", "cancelled"):
        assert value(seconds, **call_, error_type=error) == 1
    assert value("gen_ai_client_operation_time_to_first_chunk_seconds_count", **call_) == 3
    assert value("gen_ai_client_token_usage_sum", **call_, gen_ai_token_type="input") == 300
    assert value("gen_ai_client_token_usage_sum", **call_, gen_ai_token_type="output") == 5
    assert value("gen_ai_client_token_usage_count", **call_, gen_ai_token_type="output") == 1
    assert value("gen_ai_client_token_usage_bucket", **call_, gen_ai_token_type="output", le="4.0") == 0
    assert value("gen_ai_client_token_usage_bucket", **call_, gen_ai_token_type="output", le="16.0") == 1
    assert value("sidecar_overhead_seconds_count", action="summarize") == 3
    assert value("sidecar_ready") == 1
    assert value("sidecar_connections") == 1 + 1  # the first of them asked for nothing more
    assert value("sidecar_calls_running") == 0
    assert value("sidecar_build_info", version=__version__) == 1
    assert value("process_resident_memory_bytes") > 0


async def test_what_watches_the_sidecar_is_neither_counted_nor_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with open_house() as house:
        talk = Talk(house)
        with caplog.at_level("INFO"):
            for path in ("/livez", "/readyz", "/health", "/metrics"):
                assert (await talk.ask("GET", path)).status == 200
        assert not caplog.records
        assert not house.service.metrics.requests


async def test_no_label_tells_of_a_person_or_grows_with_what_is_asked() -> None:
    async with open_house() as house:
        talk = Talk(house)
        for number in range(20):
            body = {"action": f"a{number}", "content": "Hi", "model": f"m{number}", "user_id": f"u{number}"}
            await talk.ask("POST", "/ai", body)
            await talk.ask("POST", "/chat", body)
        text = (await Talk(house).ask("GET", "/metrics")).body.decode()
        assert not re.search(r"\"[amu]\d+\"", text)
