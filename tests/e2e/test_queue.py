"""All places with the provider are taken: who waits sees it, and one greedy client holds up nobody (fault C73)."""

import threading
from contextlib import ExitStack

import pytest

from protocol.messages import Cancel, Chat, Done, Error, Failure, Progress, Start
from tests.e2e.client import Client
from tests.e2e.conftest import BACKENDS, Serve
from tests.e2e.program import PATIENCE_SECONDS
from tests.e2e.scripts import openai_at
from tests.providers.scripted import Asked, good, running


def ask(content: str, *, user_id: str, course_id: str | None = None) -> Chat:
    return Chat(id=content, content=content, user_id=user_id, course_id=course_id, stream=True)


def content_of(asked: Asked) -> str:
    messages = asked.json["messages"]
    assert isinstance(messages, list)
    return str(messages[-1]["content"])


def queued(client: Client) -> Progress:
    """Return the first word of a request that has to wait."""
    assert isinstance(client.receive(), Start)
    progress = client.receive()
    assert isinstance(progress, Progress)
    return progress


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_connection_with_many_requests_holds_up_ten_with_one_each_by_one_round(serve: Serve, backend: str) -> None:
    may_answer = threading.Event()

    def script(asked: Asked) -> None:
        assert may_answer.wait(PATIENCE_SECONDS)
        asked.head()
        asked.chunk(good("text"))
        asked.end()

    with running(script) as provider, ExitStack() as stack:
        program = serve(backend=backend, **openai_at(provider), SIDECAR_MAX_UPSTREAM="1")
        greedy = stack.enter_context(Client.unix(program.socket_path))
        greedy.send(*(ask(f"greedy-{number}", user_id="1") for number in range(100)))
        provider.wait_asked(1)
        others = [stack.enter_context(Client.unix(program.socket_path)) for _ in range(10)]
        for number, client in enumerate(others):
            client.send(ask(f"other-{number}", user_id=f"other {number}"))
            progress = queued(client)
            assert (progress.stage, progress.done) == ("queued", 0)
        may_answer.set()
        for client in others:
            *stages, last = client.receive_end()
            assert isinstance(last, Done)
            ends = [stage for stage in stages if isinstance(stage, Progress)]
            assert ends[-1].done == ends[-1].total
        # Of the greedy one: the one that ran already, and at most one for each round.
        first = [content_of(asked) for asked in provider.asked[:13]]
        assert sum("other-" in content for content in first) == 10


def test_what_is_cancelled_while_it_waits_has_cost_nothing_and_was_never_asked(serve: Serve) -> None:
    with running(lambda asked: asked.hold()) as provider:
        program = serve(**openai_at(provider), SIDECAR_MAX_UPSTREAM="1")
        with Client.unix(program.socket_path) as client, Client.unix(program.socket_path) as other:
            client.send(ask("first", user_id="1"))
            provider.wait_asked(1)
            other.send(ask("second", user_id="2"))
            queued(other)
            other.send(Cancel(id="second"))
            [error] = other.receive_end()
            assert isinstance(error, Error)
            assert error.usage is not None
            assert (error.code, error.usage.prompt_tokens) == ("cancelled", 0)
        assert len(provider.asked) == 1


def test_who_waits_too_long_is_told_which_setting_says_so(serve: Serve) -> None:
    with running(lambda asked: asked.hold()) as provider:
        program = serve(**openai_at(provider), SIDECAR_MAX_UPSTREAM="1", SIDECAR_QUEUE_SECONDS="0.2")
        with Client.unix(program.socket_path) as client, Client.unix(program.socket_path) as other:
            client.send(ask("first", user_id="1"))
            provider.wait_asked(1)
            [failure] = other.ask(Chat(content="second", user_id="2"))
            assert isinstance(failure, Failure)
            assert (failure.code, failure.retry_after) == ("overloaded", 5.0)
            assert "SIDECAR_QUEUE_SECONDS" in failure.error
