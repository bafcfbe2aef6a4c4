"""One page, one click of everybody in the class: 200 readers of one summary, and the provider is asked once."""

import threading
from contextlib import ExitStack

import pytest

from protocol.messages import Done, Error, Start, Success, Summarize
from tests.e2e.client import Client, text_of
from tests.e2e.conftest import BACKENDS, Serve
from tests.e2e.program import PATIENCE_SECONDS
from tests.e2e.scripts import openai_at
from tests.providers.scripted import Asked, chunk, event, good, running, stream

READERS = 200
TEXT = "Plants make sugar from light. " * 20
WORDS = [f"word {number}, " for number in range(300)]


def summary(request_id: str, user_id: str | None = None, language: str | None = None) -> Summarize:
    return Summarize(id=request_id, content=TEXT, user_id=user_id, language=language, stream=True)


@pytest.mark.parametrize("backend", BACKENDS)
def test_200_readers_of_one_summary_cost_one_call_and_each_gets_every_byte_in_order(serve: Serve, backend: str) -> None:
    all_are_there = threading.Event()

    def script(asked: Asked) -> None:
        asked.head()
        asked.chunk(b"".join(event(chunk(word)) for word in WORDS[:100]))
        assert all_are_there.wait(PATIENCE_SECONDS)
        for word in WORDS[100:-1]:
            asked.chunk(event(chunk(word)))
        asked.chunk(good(WORDS[-1]))
        asked.end()

    with running(script) as provider, ExitStack() as stack:
        path = serve(backend=backend, **openai_at(provider)).socket_path
        clients = [stack.enter_context(Client.unix(path)) for _ in range(READERS)]
        for number, client in enumerate(clients):
            client.send(summary(str(number), user_id=str(number)))
        starts = [client.receive() for client in clients]
        all_are_there.set()
        streams = [[start, *client.receive_end()] for start, client in zip(starts, clients, strict=True)]

        for messages in streams:
            assert text_of(messages) == "".join(WORDS)
        assert len({start.reply for start in starts if isinstance(start, Start)}) == READERS
        ends = [messages[-1] for messages in streams]
        assert sorted(end.shared for end in ends if isinstance(end, Done)) == [False] + [True] * (READERS - 1)
        assert len(provider.asked) == 1


def test_a_finished_summary_is_given_again_to_whoever_asks_the_same_and_to_nobody_else(serve: Serve) -> None:
    with running(stream(good("It says so."))) as provider:
        program = serve(**openai_at(provider))
        with Client.unix(program.socket_path) as client:
            first = client.ask(summary("1", user_id="1"))
            [again] = client.ask(Summarize(id="2", content=TEXT, user_id="2", course_id="7"))
            assert isinstance(again, Success)
            assert (again.data, again.shared, again.overhead_ms) == ("It says so.", True, 0.0)
            assert text_of(client.ask(summary("3"))) == text_of(first)
            assert len(provider.asked) == 1
            client.ask(Summarize(content=TEXT, length="short"))
            client.ask(summary("5", language="de"))
            assert len(provider.asked) == 3


@pytest.mark.parametrize("seconds", ["0", "300"])
def test_what_failed_is_asked_again_and_so_is_everything_where_the_cache_is_off(serve: Serve, seconds: str) -> None:
    cut = stream(event(chunk("It sa")), cut=True)
    with running(cut, stream(good("It says so."))) as provider:
        program = serve(**openai_at(provider), SIDECAR_CACHE_SECONDS=seconds)
        with Client.unix(program.socket_path) as client:
            assert isinstance(client.ask(summary("1"))[-1], Error)
            for number in (2, 3):
                assert text_of(client.ask(summary(str(number)))) == "It says so."
        assert len(provider.asked) == (3 if seconds == "0" else 2)
