"""Limits of users, the log of usage and the sums in /metrics, with the program as it runs."""

import json
import os
import re
import subprocess
import threading
from pathlib import Path

import pytest

from protocol.messages import Chat, Done, Error, Failure, Start, Success, Summarize
from tests.e2e.client import Client
from tests.e2e.conftest import BACKENDS, Serve
from tests.e2e.program import CHECKOUT, PATIENCE_SECONDS, Program, wait_until
from tests.e2e.scripts import openai_at
from tests.providers.scripted import Asked, chunk, event, good, running, status, stream

SECRET_TEXT = "what-nobody-else-may-read"
KEY = "0123456789abcdef"
README = CHECKOUT / "README.md"


def ask(number: int, user_id: str = "42", max_tokens: int = 10) -> Chat:
    return Chat(id=str(number), content=SECRET_TEXT, user_id=user_id, course_id=7, stream=True, max_tokens=max_tokens)


def curl(program: Program, *arguments: str) -> str:
    command = ["curl", "-sS", "--unix-socket", str(program.socket_path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=15, check=True).stdout


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_burst_gets_exactly_its_limit_and_each_refusal_says_why(serve: Serve, backend: str) -> None:
    with running(stream(good("text"))) as provider:
        program = serve(backend=backend, **openai_at(provider), SIDECAR_USER_REQUESTS_PER_HOUR="10")
        clients = [Client.unix(program.socket_path) for _ in range(4)]
        for client in clients:
            client.send(*(ask(number) for number in range(15)))
        ends = [[client.receive_end()[-1] for _ in range(15)] for client in clients]
        flat = [end for some in ends for end in some]
        refused = [end for end in flat if isinstance(end, Error)]
        assert sum(isinstance(end, Done) for end in flat) == len(provider.asked) == 10
        assert {error.code for error in refused} == {"rate_limited"}
        for error in refused:
            assert "SIDECAR_USER_REQUESTS_PER_HOUR" in error.message
            assert error.retry_after is not None
            assert error.usage is not None
            assert error.usage.prompt_tokens == 0
            assert re.search(r"\d+ are used", error.message)
        [other] = clients[0].ask(Chat(content="Hi", user_id="43"))
        assert isinstance(other, Success)
        for client in clients:
            client.socket.close()


def test_by_http_it_is_429_with_retry_after(serve: Serve) -> None:
    with running(stream(good("text"))) as provider:
        program = serve(**openai_at(provider), SIDECAR_USER_REQUESTS_PER_DAY="1")
        body = json.dumps({"content": "Hi", "user_id": 42})
        answers = [curl(program, "-i", "http://sidecar/chat", "--json", body) for _ in range(2)]
    assert answers[0].startswith("HTTP/1.1 200 ")
    assert answers[1].startswith("HTTP/1.1 429 ")
    [seconds] = re.findall(r"^retry-after: (\d+)", answers[1], re.IGNORECASE | re.MULTILINE)
    assert 86_400 <= int(seconds) <= 90_000
    assert "SIDECAR_USER_REQUESTS_PER_DAY" in answers[1]


def test_what_is_shared_costs_nobody_anything_and_what_failed_before_a_word_neither(serve: Serve) -> None:
    with running(status(400, b"{}"), stream(good("text"))) as provider:
        program = serve(**openai_at(provider), SIDECAR_USER_REQUESTS_PER_HOUR="1")
        with Client.unix(program.socket_path) as client:
            summary = Summarize(content="A text.", user_id="42")
            assert isinstance(client.ask(summary)[0], Failure)
            for _ in range(5):
                assert isinstance(client.ask(summary)[0], Success)
            [refused] = client.ask(Chat(content="Hi", user_id="42"))
            assert isinstance(refused, Failure)
            assert refused.code == "rate_limited"


def test_a_provider_that_counts_zero_tokens_gives_nothing_away(serve: Serve) -> None:
    zeros = {**chunk("text", finish_reason="stop"), "usage": {"prompt_tokens": 0, "completion_tokens": 0}}
    with running(stream(event(zeros))) as provider:
        program = serve(**openai_at(provider), SIDECAR_USER_REQUESTS_PER_HOUR="1")
        with Client.unix(program.socket_path) as client:
            done = client.ask(ask(1))[-1]
            assert isinstance(done, Done)
            assert done.usage is not None
            assert done.usage.estimated
            [refused] = client.ask(ask(2))
            assert isinstance(refused, Error)
            assert refused.code == "rate_limited"


def test_tokens_are_set_aside_before_and_settled_after(serve: Serve) -> None:
    # A prompt has some 500 tokens by rule of thumb, and this provider counts 21 + 48.
    with running(stream(good("text"))) as provider:
        program = serve(**openai_at(provider), SIDECAR_USER_TOKENS_PER_HOUR="3000")
        with Client.unix(program.socket_path) as client:
            for number in range(10):
                assert isinstance(client.ask(ask(number, max_tokens=1000))[-1], Done)
            [too_large] = client.ask(Chat(content="x " * 6000, user_id="43"))
            assert isinstance(too_large, Failure)
            assert (too_large.code, too_large.retry_after) == ("too_large", None)
            assert "SIDECAR_USER_TOKENS_PER_HOUR" in too_large.error


def test_the_log_of_usage_outlives_rotation_and_a_restart_and_counts_towards_limits(
    serve: Serve, tmp_path: Path
) -> None:
    path = tmp_path / "usage.jsonl"
    with running(stream(good("text"))) as provider:
        settings = openai_at(provider) | {
            "SIDECAR_USAGE_FILE": str(path),
            "SIDECAR_USAGE_KEY": KEY,
            "SIDECAR_USER_REQUESTS_PER_DAY": "2",
        }
        program = serve(**settings)
        with Client.unix(program.socket_path) as client:
            client.ask(ask(1))
            wait_until(lambda: len(lines(path)) == 1)
            path.rename(tmp_path / "usage.jsonl.1")
            client.ask(ask(2, user_id="43"))
            client.ask(ask(3, user_id="43"))
        assert program.end()[0] == 0
        found = lines(tmp_path / "usage.jsonl.1") + lines(path)
        [command] = [line for line in README.read_text().splitlines() if line.startswith("printf 42 |")]
        env = {**os.environ, "SIDECAR_USAGE_KEY": KEY}
        hash_of_42 = subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True, check=True).stdout
        assert [line["user"] == hash_of_42 for line in found] == [True, False, False]
        assert [(line["course"], line["prompt_tokens"], line["completion_tokens"]) for line in found] == [
            ("7", 21, 48)
        ] * 3
        assert SECRET_TEXT not in path.read_text()

        program = serve(**settings)
        with Client.unix(program.socket_path) as client:
            [refused] = client.ask(ask(4, user_id="43"))
            assert isinstance(refused, Error)
            assert "2 are used" in refused.message
            assert isinstance(client.ask(ask(5))[-1], Done)  # the file of 42 was rotated away


def test_metrics_have_the_sums_by_course_and_pseudonym(serve: Serve) -> None:
    with running(stream(good("text"))) as provider:
        program = serve(**openai_at(provider), SIDECAR_USAGE_KEY=KEY)
        with Client.unix(program.socket_path) as client:
            for number in range(2):
                client.ask(ask(number, user_id="somebody-with-a-name"))
        text = curl(program, "http://sidecar/metrics")
    assert 'sidecar_course_tokens_total{course="7",gen_ai_token_type="output"} 96.0' in text
    assert 'sidecar_course_replies_total{course="7"} 2.0' in text
    assert 'sidecar_user_replies_total{user="' in text
    assert "somebody" not in text


def test_a_disk_that_is_full_stops_nothing(serve: Serve) -> None:
    with running(stream(good("text"))) as provider:
        program = serve(**openai_at(provider), SIDECAR_USAGE_FILE="/dev/full")
        with Client.unix(program.socket_path) as client:
            for number in range(3):
                assert isinstance(client.ask(ask(number))[-1], Done)
        program.wait_said("SIDECAR_USAGE_FILE were lost")


def test_a_file_that_cannot_be_written_is_said_at_the_start(serve: Serve) -> None:
    program = serve(SIDECAR_USAGE_FILE="/nowhere/usage.jsonl")
    assert program.wait() == 73
    program.wait_said("SIDECAR_USAGE_FILE must name a file that can be written")


def test_what_the_end_of_the_process_cuts_off_is_in_the_log(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "usage.jsonl"
    with running(lambda asked: asked.hold()) as provider:
        program = serve(**openai_at(provider), SIDECAR_USAGE_FILE=str(path), SIDECAR_DRAIN_SECONDS="0.1")
        with Client.unix(program.socket_path) as client:
            client.send(ask(1))
            assert isinstance(client.receive(), Start)
            provider.wait_asked(1)
            program.end()
    [line] = lines(path)
    assert (line["outcome"], line["estimated"]) == ("cancelled", True)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_fifth_stream_of_one_user_is_refused_and_ends_no_other(serve: Serve, backend: str) -> None:
    """Fault C72."""
    may_answer = threading.Event()

    def script(asked: Asked) -> None:
        assert may_answer.wait(PATIENCE_SECONDS)
        asked.head()
        asked.chunk(good("text"))
        asked.end()

    with running(script) as provider:
        program = serve(backend=backend, **openai_at(provider), SIDECAR_USER_REQUESTS_AT_ONCE="4")
        with Client.unix(program.socket_path) as client:
            client.send(*(ask(number) for number in range(4)))
            provider.wait_asked(4)
            with Client.unix(program.socket_path) as other:
                [refused] = other.ask(ask(5))
                assert isinstance(refused, Error)
                assert (refused.code, refused.retry_after) == ("rate_limited", 5.0)
                may_answer.set()
                assert all(isinstance(client.receive_end()[-1], Done) for _ in range(4))
                assert isinstance(other.ask(ask(6))[-1], Done)
