"""`serve` while its provider is out of order: refused at once, not ready for those who ask, and soon well again."""

import threading
import time

from protocol.errors import Code
from protocol.messages import Chat, Done, Failure, Ping, Success
from tests.e2e.client import Client
from tests.e2e.conftest import Serve
from tests.e2e.program import PATIENCE_SECONDS, Program
from tests.e2e.scripts import openai_at
from tests.providers.scripted import Asked, good, running, status, stream


def ready(program: Program) -> tuple[bool, int]:
    """Return what a ping says, and the status of /readyz."""
    with Client.unix(program.socket_path) as client:
        [pong] = client.ask(Ping(id="p"))
    assert isinstance(pong, Done)
    with Client.unix(program.socket_path) as client:
        client.socket.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return bool(pong.ready), int(client.socket.recv(4096).split()[1])


def test_ready_is_false_while_nearly_all_requests_fail(serve: Serve) -> None:
    is_over = threading.Event()

    def out_of_order(asked: Asked) -> None:
        (stream(good("well again")) if is_over.is_set() else status(429, Retry_After="60"))(asked)

    with running(out_of_order) as provider:
        program: Program = serve(**openai_at(provider))
        with Client.unix(program.socket_path) as client:
            assert ready(program) == (True, 200)
            for number in range(20):
                [answer] = client.ask(Chat(id=f"{number}", content="Hi"))
                assert isinstance(answer, Failure)
                assert answer.code == Code.UPSTREAM_RATE_LIMITED
            assert ready(program) == (False, 503)
            asked = len(provider.asked)
            [answer] = client.ask(Chat(id="refused", content="Hi"))
            assert isinstance(answer, Failure)
            assert "only probed at present" in answer.error
            assert len(provider.asked) == asked

            is_over.set()
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not isinstance(answer, Success):
                assert time.monotonic() < deadline
                [answer] = client.ask(Chat(id="again", content="Hi"))
            assert answer.data == "well again"
            assert ready(program) == (True, 200)
    assert program.said.count("is only probed from now on") == 1
    assert program.said.count("provider answers again") == 1


def test_ready_is_false_while_the_key_is_refused(serve: Serve) -> None:
    is_mended = threading.Event()

    def refuse(asked: Asked) -> None:
        (stream(good("welcome")) if is_mended.is_set() else status(401))(asked)

    with running(refuse) as provider:
        program = serve(**openai_at(provider))
        with Client.unix(program.socket_path) as client:
            assert ready(program) == (True, 200)
            [answer] = client.ask(Chat(id="1", content="Hi"))
            assert isinstance(answer, Failure)
            assert answer.code == Code.UPSTREAM_AUTH
            assert ready(program) == (False, 503)
            is_mended.set()
            [answer] = client.ask(Chat(id="2", content="Hi"))
            assert isinstance(answer, Success)
            assert ready(program) == (True, 200)
