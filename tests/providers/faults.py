"""What a provider can do wrong, as scripts, and what a request comes to."""

from dataclasses import dataclass

import anyio
import anyio.lowlevel

from sidecar.errors import SidecarError
from sidecar.providers import Finish, Text
from sidecar.providers.interface import Flow
from sidecar.providers.remote import RemoteProvider
from tests.providers.asking import PROMPT
from tests.providers.scripted import (
    Asked,
    Script,
    chunk,
    event,
    good,
    stream,
)

A, B, STOP = event(chunk("a")), event(chunk("b")), event(chunk(finish_reason="stop"))
OK = stream(good("ok"))


@dataclass(frozen=True)
class Outcome:
    """What a request came to: the text until then, and the finish reason or the error's code."""

    text: str
    end: str


async def outcome(provider: RemoteProvider, *, past_layers: bool = True) -> Outcome:
    """Ask; the text comes past the layers where it can, as to a reply's log, or else all as pieces."""
    text, end = "", ""

    def take(more: str) -> bool:
        nonlocal text
        text += more
        return True

    with anyio.fail_after(10):
        try:
            async with provider.stream(PROMPT) as pieces:
                async for piece in pieces:
                    assert not end
                    if isinstance(piece, Text):
                        take(piece.text)
                    if isinstance(piece, Flow) and past_layers:
                        await piece.run(take)
                    if isinstance(piece, Finish):
                        end = piece.reason
        except SidecarError as exc:
            assert not end
            end = exc.code
    return Outcome(text, end)


def raw(content: bytes, *, head: bytes = b"Content-Type: text/event-stream\r\n", then: str = "cut") -> Script:
    """Return a script that sends 200, these headers and these bytes as they are."""

    def script(asked: Asked) -> None:
        asked.send(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + content)
        if then == "cut":
            asked.cut()
        elif then == "reset":
            asked.reset()

    return script


def chunked(content: bytes, then: str, *, dribble: bool = False) -> Script:
    """Return a script that sends the content in chunks, and then cuts, resets or ends in the middle of a chunk."""

    def script(asked: Asked) -> None:
        asked.head()
        if content:
            asked.chunk(content)
        if dribble:
            asked.send(b"ff\r\ndata: {")
        if then == "reset":
            asked.pause(0.05)  # a reset overtakes what was sent before it
            asked.reset()
        asked.cut()

    return script


def exactly(content: bytes) -> Script:
    """Return a script that sends these bytes instead of an answer, and leaves."""

    def script(asked: Asked) -> None:
        asked.send(content)
        asked.cut()

    return script


def endless_headers(asked: Asked) -> None:
    asked.send(b"HTTP/1.1 200 OK\r\n")
    asked.drip(b"X-Filler: 0123456789\r\n" * 20_000, size=4096)


def byte_by_byte(asked: Asked) -> None:
    asked.head()
    for index in range(len(content := good("The sky 😀"))):
        asked.chunk(content[index : index + 1])
    asked.end()


def silent_reset(asked: Asked) -> None:
    asked.reset()


LENGTH = b"Content-Type: text/event-stream\r\nContent-Length: %d\r\n"
TEN_THOUSAND = b"".join(event(chunk(str(number % 10))) for number in range(10_000))
