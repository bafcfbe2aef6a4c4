"""What the PHP client costs at the provider: nothing twice, and nothing that nobody reads."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.conftest import Serve
from tests.e2e.program import MAIN, PATIENCE_SECONDS, Program, environment
from tests.e2e.scripts import openai_at
from tests.moodle.client.asking import ask
from tests.moments import quickest
from tests.providers.scripted import Asked, Script, ScriptedProvider, chunk, event, good, running, stream


def hold(asked: Asked) -> None:
    """Say nothing until the client leaves."""
    asked.hold()


def one_token(asked: Asked) -> None:
    """Say one word, then nothing until the client leaves."""
    asked.head()
    asked.chunk(event(chunk("Hello")))
    asked.hold()


@contextmanager
def all_transports(serve: Serve, *scripts: Script) -> Iterator[tuple[ScriptedProvider, Program, dict[str, object]]]:
    """Give a provider, a server that asks it, and settings for every way to it."""
    with running(*scripts) as provider:
        program = serve(**openai_at(provider))
        settings: dict[str, object] = {
            "socket": str(program.socket_path),
            "tcp": f"127.0.0.1:{program.tcp_port}",
            "command": [*MAIN, "stdio"],
            "environment": environment(**openai_at(provider)),
        }
        yield provider, program, settings


def test_a_slow_answer_is_paid_once(serve: Serve) -> None:
    """The client of the system that this one replaces asked again over stdio."""
    with all_transports(serve, hold) as (provider, _, settings):
        said = ask(settings | {"deadlines": {"total": 2}})
        assert said.startswith("DeadlineExceeded: ")
        assert provider.asked[0].left.wait(PATIENCE_SECONDS)  # and nobody pays for what nobody waits for
        assert len(provider.asked) == 1


def test_a_server_that_dies_in_the_middle_is_paid_once(serve: Serve) -> None:
    def kill(asked: Asked) -> None:
        programs[0].process.kill()
        asked.hold()

    programs: list[Program] = []
    with all_transports(serve, kill) as (provider, program, settings):
        programs.append(program)
        assert ask(settings).startswith("ConnectionLost: ")
        assert len(provider.asked) == 1


def test_without_a_server_the_child_answers(serve: Serve) -> None:
    with all_transports(serve, stream(good("From ", "the child"))) as (provider, program, settings):
        program.end()
        assert ask(settings) == "From the child"
        assert len(provider.asked) == 1


@pytest.mark.parametrize("transport", ["unix", "tcp", "stdio"])
def test_to_stop_reading_reaches_the_provider(serve: Serve, transport: str) -> None:
    with all_transports(serve, one_token) as (provider, _, settings):

        def leave() -> float:
            before = len(provider.asked)
            assert ask(settings | {"order": [transport]}, "leave") == "Hello"
            ended = time.monotonic()
            [asked] = provider.asked[before:]
            assert asked.left.wait(PATIENCE_SECONDS)
            return asked.left_at - ended

        assert quickest(leave, goal=0.2) < 0.2


def test_a_start_that_is_sent_again_with_its_key_is_paid_once(serve: Serve) -> None:
    with all_transports(serve, hold) as (provider, _, settings):
        again = settings | {"fields": {"detach": True, "key": "page-17"}}
        reply = ask(again, "start")
        assert reply.startswith("r_")
        assert ask(again, "start") == reply
        provider.wait_asked(1)
        assert len(provider.asked) == 1
