"""SIGHUP: keys, settings and log are taken anew, and what runs goes on to its last byte."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from signal import SIGHUP

import pytest

from protocol.messages import Chat, Done, Error, Failure, Ping, Success
from tests.e2e.client import Client, text_of
from tests.e2e.conftest import BACKENDS, WITHOUT_TERMINAL, Launch, Serve, serve_command, usual_settings
from tests.e2e.program import PATIENCE_SECONDS, Program, wait_until
from tests.e2e.terminal import IN_ITS_OWN_SESSION, Terminal
from tests.providers.scripted import DONE, ROLE, USAGE, Asked, ScriptedProvider, chunk, event, good, running

OLD, NEW = "sk-canary-old-8GqT2vLd", "sk-canary-new-5Rn0YwZe"


class Gate:
    """Answers whose first half comes at once, and the rest when the gate is open."""

    def __init__(self) -> None:
        self.open = threading.Event()

    def answer(self, asked: Asked) -> None:
        asked.head()
        asked.chunk(ROLE + event(chunk("one ")))
        assert self.open.wait(PATIENCE_SECONDS)
        asked.chunk(event(chunk("two")) + event(chunk(finish_reason="stop")) + event(USAGE) + DONE)
        asked.end()


def at_once(asked: Asked) -> None:
    asked.head()
    asked.chunk(good("answer"))
    asked.end()


class House:
    """A program whose settings and key are in files, which tests rewrite."""

    def __init__(self, folder: Path, provider: ScriptedProvider) -> None:
        self.folder = folder
        self.provider = provider
        self.program: Program
        self.write()
        self.write_key(OLD)

    def write(self, **changes: str) -> None:
        settings = {
            "SIDECAR_SOCKET": str(self.folder / "sidecar.sock"),
            "SIDECAR_TCP": "off",
            "OPENAI_API_KEY_FILE": str(self.folder / "key"),
            "OPENAI_BASE_URL": self.provider.url,
            "OPENAI_MODEL": "m",
        }
        lines = "".join(f"{name}={value}\n" for name, value in (settings | changes).items())
        (self.folder / "my.env").write_text(lines)

    def write_key(self, *keys: str) -> None:
        (self.folder / "key").write_text("\n".join(keys) + "\n")

    def reload(self) -> None:
        before = self.program.said.count(" reload")
        self.program.signal(SIGHUP)
        wait_until(lambda: self.program.said.count(" reload") > before)

    def connect(self) -> Client:
        return Client.unix(self.folder / "sidecar.sock")

    def ask(self, content: str = "Hi", **fields: str) -> Success:
        with self.connect() as client:
            [answer] = client.ask(Chat(id="1", content=content, **fields))  # type: ignore[arg-type]
        assert isinstance(answer, Success), answer
        return answer

    def key_of(self, number: int) -> str:
        """Return the key with which a request, from 0, has come to the provider."""
        return self.provider.asked[number].headers["authorization"].removeprefix("Bearer ")

    def open_descriptors(self) -> int:
        """Return how many the program has open, this question's included."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(self.folder / "sidecar.sock"))
            asking.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            said = b"".join(iter(lambda: asking.recv(65536), b""))
        found = re.search(rb"^process_open_fds (\d+)", said, re.MULTILINE)
        assert found is not None, said
        return int(found[1])


Build = Callable[..., House]


@pytest.fixture
def build(launch: Launch, tmp_path: Path) -> Iterator[Build]:
    with ExitStack() as stack:

        def build(*scripts: Callable[[Asked], None], backend: str | None = None, **settings: str) -> House:
            house = House(tmp_path, stack.enter_context(running(*scripts)))
            house.write(**settings)
            command = (*WITHOUT_TERMINAL, *serve_command(backend), "--env-file", str(tmp_path / "my.env"))
            house.program = launch(*command, settings={"SIDECAR_PROVIDER": ""})
            house.program.wait_said("listening on")
            with house.connect() as client:
                client.ask(Ping(id="1"))  # who answers has begun to listen to signals, too
            return house

        yield build


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_stream_goes_on_to_its_last_byte_and_the_next_request_has_the_new_key(build: Build, backend: str) -> None:
    gate = Gate()
    house = build(gate.answer, at_once, backend=backend)
    with house.connect() as client:
        client.send(Chat(id="1", content="Hi", stream=True))
        begun = [client.receive(), client.receive()]
        house.write_key(NEW)
        house.reload()
        assert house.ask().data == "answer"
        gate.open.set()
        assert text_of([*begun, *client.receive_end()]) == "one two"
        assert [house.key_of(0), house.key_of(1)] == [OLD, NEW]
        [again] = client.ask(Chat(id="2", content="Hi"))  # the connection lives on, too
        assert isinstance(again, Success)
        assert house.key_of(2) == NEW
    assert OLD not in house.program.said
    assert NEW not in house.program.said


def test_the_provider_of_before_is_closed_with_its_last_answer(build: Build) -> None:
    gate = Gate()
    house = build(gate.answer, at_once, SIDECAR_SPARE_CONNECTIONS="0")
    before = house.open_descriptors()
    with house.connect() as client:
        client.send(Chat(id="1", content="Hi", stream=True))
        client.receive()
        house.reload()
        gate.open.set()
        client.receive_end()
    wait_until(lambda: house.open_descriptors() == before)


def test_settings_hold_for_the_next_request(build: Build) -> None:
    house = build(at_once, MAX_TOKENS="1010")
    house.ask()
    house.write(MAX_TOKENS="2020", OPENAI_MODEL="other", SIDECAR_MODELS="third")
    house.reload()
    assert house.ask().model == "other"
    assert house.ask(model="third").model == "third"
    assert ["1010" in asked.body.decode() for asked in house.provider.asked] == [True, False, False]
    assert ["2020" in asked.body.decode() for asked in house.provider.asked] == [False, True, True]


def test_limits_of_connections_hold_for_the_next_one(build: Build) -> None:
    house = build(at_once)
    with house.connect() as before:
        before.ask(Ping(id="0"))
        house.write(SIDECAR_MAX_PAYLOAD_BYTES="100")
        house.reload()
        long = Chat(id="1", content="word " * 50)
        assert isinstance(before.ask(long)[0], Success)
    with house.connect() as after:
        after.send(long)
        [refusal] = after.receive_rest()
        assert isinstance(refusal, Error)
        assert refusal.code == "too_large"


def test_what_holds_after_a_restart_only_is_named_in_one_line(build: Build) -> None:
    house = build(at_once)
    house.write(SIDECAR_TCP="127.0.0.1:1", SIDECAR_GRACE_SECONDS="1", SIDECAR_USER_REQUESTS_PER_DAY="7", MAX_TOKENS="5")
    for times in (1, 2):
        house.reload()
        house.program.wait_said("a restart is needed for: SIDECAR_TCP, SIDECAR_USER_REQUESTS_PER_DAY, SIDECAR_GRACE_S")
        assert house.ask().data == "answer"
        wait_until(lambda times=times: house.program.said.count("a restart is needed") == times)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"MAX_TOKENS": "many"}, "MAX_TOKENS must be"),
        ({"SIDECAR_SOKET": "/x"}, "did you mean SIDECAR_SOCKET"),
        ({"OPENAI_API_KEY_FILE": "/no/such/file"}, "OPENAI_API_KEY_FILE must name"),
        ({"OPENAI_BASE_URL": "http://other.example.org"}, "OPENAI_BASE_URL"),
        ({"SIDECAR_LOG_FILE": "/no/such/folder/log"}, "SIDECAR_LOG_FILE must name"),
    ],
)
def test_what_is_wrong_is_said_and_the_old_goes_on(build: Build, settings: dict[str, str], said: str) -> None:
    house = build(at_once)
    house.write(**settings)
    house.write_key(NEW)
    house.reload()
    assert re.search(f"ERROR reload failed, what was read before goes on: .*{said}", house.program.said)
    assert house.ask().data == "answer"
    assert house.key_of(0) == OLD
    house.write()
    house.reload()
    assert house.ask().data == "answer"
    assert house.key_of(1) == NEW


def test_a_provider_may_go_and_come(build: Build) -> None:
    house = build(at_once)
    house.write(SIDECAR_PROVIDER="", OPENAI_BASE_URL="", OPENAI_API_KEY_FILE="", OPENAI_MODEL="")
    house.reload()
    with house.connect() as client:
        [answer] = client.ask(Chat(id="1", content="Hi"))
        assert isinstance(answer, Failure)
        assert answer.code == "not_configured"
        [status] = client.ask(Ping(id="2"))
        assert isinstance(status, Done)
        assert (status.provider, status.ready) == (None, False)
    house.write()
    house.reload()
    assert house.ask().data == "answer"


def test_a_key_of_the_environment_outlives_a_reload(serve: Serve, tmp_path: Path) -> None:
    with running(at_once) as provider:
        program = serve(OPENAI_BASE_URL=provider.url, OPENAI_API_KEY=OLD, OPENAI_MODEL="m", SIDECAR_PROVIDER="openai")
        with Client.unix(program.socket_path) as client:
            client.ask(Ping(id="0"))
            program.signal(SIGHUP)
            program.wait_said("reloaded provider=openai keys=1")
            assert isinstance(client.ask(Chat(id="1", content="Hi"))[0], Success)
        assert provider.asked[0].headers["authorization"] == f"Bearer {OLD}"


def test_the_log_goes_on_in_the_file_that_stands_there_now(build: Build, tmp_path: Path) -> None:
    log = tmp_path / "sidecar.log"
    house = build(at_once, SIDECAR_LOG_FILE=str(log))
    house.ask()
    wait_until(lambda: "request done" in log.read_text())
    log.rename(tmp_path / "sidecar.log.1")
    house.program.signal(SIGHUP)
    wait_until(lambda: log.exists() and "reloaded" in log.read_text())
    house.write(SIDECAR_LOG_FILE=str(tmp_path / "other.log"))
    house.program.signal(SIGHUP)
    wait_until(lambda: (tmp_path / "other.log").exists() and "reloaded" in (tmp_path / "other.log").read_text())
    assert "request done" in (tmp_path / "sidecar.log.1").read_text()


def test_a_hundred_reloads_under_load_lose_nothing_and_leave_nothing(build: Build) -> None:
    house = build(at_once, SIDECAR_SPARE_CONNECTIONS="0")
    house.ask()
    before = house.open_descriptors()
    is_over = threading.Event()
    failed: list[str] = []
    answered = [0] * 4

    def load(place: int) -> None:
        while not is_over.is_set() and not failed:
            try:
                assert house.ask().data == "answer"
                answered[place] += 1
            except (AssertionError, OSError, EOFError) as exc:
                failed.append(repr(exc))

    threads = [threading.Thread(target=load, args=[place], daemon=True) for place in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        house.reload()
    is_over.set()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)

    assert failed == []
    assert min(answered) > 5
    assert house.program.said.count("reloaded") == 100
    # One may be kept open to the provider of the last reload.
    wait_until(lambda: house.open_descriptors() <= before + 4)


def test_with_a_terminal_it_says_that_this_one_is_gone(launch: Launch, tmp_path: Path) -> None:
    terminal = Terminal()
    command = (*IN_ITS_OWN_SESSION, *serve_command(None))
    program = launch(*command, settings=usual_settings(tmp_path), stdin=terminal.theirs)
    with Client.unix(program.socket_path) as client:
        client.ask(Ping(id="1"))
        program.signal(SIGHUP)
        assert program.wait() == -SIGHUP
    terminal.close()
