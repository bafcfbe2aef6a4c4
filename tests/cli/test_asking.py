"""One question and its answer, with Ctrl-C at every moment; the sidecar is played by the test."""

import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import pytest

from protocol import codec
from protocol.framing import FrameDecoder, encode_frame
from protocol.messages import Cancel, Chat, Delta, Done, Error, Event, Ping, Progress, Request, Start
from sidecar.cli import asking
from sidecar.cli.asking import Answer, Refused, ask, ping
from sidecar.cli.output import Output, OutputFailed
from sidecar.client import Door, SidecarGone
from sidecar.secret import Secret
from sidecar.session import ByteStream
from sidecar.settings import SettingsError
from sidecar.transports.streams import SocketStream

pytestmark = pytest.mark.anyio

START, DELTA, DONE = Start(id="1", reply="r", model="m"), Delta(id="1", seq=1, text="Hi"), Done(id="1")


class Paper(Output):
    """Keeps what is written."""

    def __init__(self, failure: OutputFailed | None = None) -> None:
        self.text = ""
        self._failure = failure

    async def write(self, text: str) -> None:
        if self._failure is not None:
            raise self._failure
        self.text += text

    async def end_line(self) -> None:
        await self.write("\n")


class Sidecar:
    """Says `events` to who connects, keeps what it is asked, and does `on_cancel` at a cancel."""

    def __init__(self, *events: Event, on_cancel: Callable[["Sidecar"], object] = lambda _: None) -> None:
        self._events = events
        self._on_cancel = on_cancel
        self.requests: list[Request] = []
        self.door = Door(name="test", open=self._open, token=Secret("the-token"))

    def say(self, *events: Event) -> None:
        self._socket.sendall(b"".join(encode_frame(codec.encode(event)) for event in events))

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[ByteStream]:
        ours, self._socket = socket.socketpair()
        self.say(*self._events)
        client, server = SocketStream(ours), SocketStream(self._socket)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen, server)
                yield client
                client.close()  # which the other side hears last
        finally:
            client.close()
            server.close()

    async def _listen(self, server: SocketStream) -> None:
        decoder = FrameDecoder()
        while chunk := await server.receive():
            decoder.feed(chunk)
            while (payload := decoder.next_payload()) is not None:
                self.requests.append(codec.decode_request(payload))
                if isinstance(self.requests[-1], Cancel):
                    self._on_cancel(self)


async def ask_it(door: Door, output: Output | None = None) -> Answer:
    with anyio.fail_after(5):
        return await ask(door, Chat(content="Hi?"), output=output or Paper(), heartbeat_seconds=1)


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


async def test_an_answer_is_written_as_it_comes() -> None:
    sidecar, paper = Sidecar(START, DELTA, DONE), Paper()
    answer = await ask_it(sidecar.door, paper)
    assert (answer.end, answer.text, paper.text) == (DONE, "Hi", "Hi\n")
    assert sidecar.requests == [Chat(id="1", content="Hi?", stream=True, token="the-token")]


@pytest.mark.parametrize("is_terminal", [True, False])
async def test_progress_is_for_people(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "isatty", lambda fd: is_terminal)
    progress = Progress(id="1", stage="summarizing\x1b[2J", done=2, total=7)
    assert (await ask_it(Sidecar(START, progress, DONE).door)).end == DONE
    said = "\r\x1b[Ksummarizing[2J: 2 of 7\r\x1b[K" if is_terminal else ""
    assert capfd.readouterr().err == said


class PressingPaper(Paper):
    """Presses Ctrl-C once something is written."""

    async def write(self, text: str) -> None:
        await super().write(text)
        if text == "Hi":
            press_ctrl_c()


CANCELLED = Error(id="1", code="cancelled", message="It was cancelled.")


async def test_ctrl_c_is_a_cancel_and_the_end_is_waited_for() -> None:
    sidecar = Sidecar(START, DELTA, on_cancel=lambda sidecar: sidecar.say(CANCELLED))
    answer = await ask_it(sidecar.door, PressingPaper())
    assert (answer.was_interrupted, answer.end, answer.text) == (True, CANCELLED, "Hi")
    assert sidecar.requests[1:] == [Cancel(id="1")]


async def test_a_second_ctrl_c_leaves_at_once() -> None:
    sidecar = Sidecar(START, DELTA, on_cancel=lambda _: press_ctrl_c())
    answer = await ask_it(sidecar.door, PressingPaper())
    assert (answer.was_interrupted, answer.text) == (True, "Hi")
    assert isinstance(answer.end, Error)
    assert answer.end.code == "cancelled"


async def test_a_sidecar_that_does_not_react_to_a_cancel_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_CANCEL_SECONDS", 0.05)
    answer = await ask_it(Sidecar(START, DELTA).door, PressingPaper())
    assert answer.was_interrupted


async def test_ctrl_c_before_it_was_asked_leaves_at_once() -> None:
    @asynccontextmanager
    async def open_never() -> AsyncIterator[ByteStream]:
        press_ctrl_c()
        await anyio.sleep_forever()
        yield SocketStream(socket.socket())

    answer = await ask_it(Door(name="", open=open_never))
    assert answer.was_interrupted


@pytest.mark.parametrize("error", [SidecarGone("It is gone."), SettingsError("It is wrong.")])
async def test_what_keeps_the_door_shut_is_the_end(error: Exception) -> None:
    def refuse() -> None:
        raise error

    @asynccontextmanager
    async def open_never() -> AsyncIterator[ByteStream]:
        refuse()
        yield SocketStream(socket.socket())

    answer = await ask_it(Door(name="", open=open_never))
    assert isinstance(answer.end, Error)
    code = "connection_lost" if isinstance(error, SidecarGone) else "not_configured"
    assert (answer.end.code, answer.end.message) == (code, str(error))


async def test_a_reader_who_leaves_ends_the_answer() -> None:
    failure = OutputFailed(None)
    answer = await ask_it(Sidecar(START, DELTA, DELTA, DONE).door, Paper(failure))
    assert answer.output_failure is failure


async def test_ping_tells_who_is_there() -> None:
    status = Done(id="1", protocol=1, version="0.1", ready=True)
    sidecar = Sidecar(status)
    assert await ping(sidecar.door) == status
    assert sidecar.requests == [Ping(id="1", token="the-token")]


async def test_who_refuses_is_not_there_for_us() -> None:
    with pytest.raises(Refused, match="Not you") as refusal:
        await ping(Sidecar(Error(id=None, code="forbidden", message="Not you.")).door)
    assert refusal.value.code == "forbidden"


async def test_who_answers_something_else_is_no_sidecar() -> None:
    with pytest.raises(SidecarGone, match="does not speak this protocol"):
        await ping(Sidecar(Done(id="1")).door)
