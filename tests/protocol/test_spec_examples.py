"""SPEC.md: its examples are messages, and its frames are frames."""

import re

from protocol.codec import decode_reply, decode_request
from protocol.errors import ProtocolError
from protocol.framing import FrameDecoder
from protocol.messages import (
    Error,
    Failure,
)
from tests.protocol.spec import TEXT, examples


def _messages() -> list[str]:
    return [line for block in examples("text") for line in block.splitlines()]


def test_every_example_is_a_message() -> None:
    lines = _messages()
    assert len(lines) > 40
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        arrow, payload = line[:3], line[3:].encode()
        if arrow == "<- ":
            decode_reply(payload)
            continue
        assert arrow == "-> "
        if (error := _error(payload)) is not None:
            reply = decode_reply(following.removeprefix("<- ").encode())
            assert isinstance(reply, Error | Failure)
            said = reply.message if isinstance(reply, Error) else reply.error
            assert (reply.code, said) == (error.code, str(error))


def _error(payload: bytes) -> ProtocolError | None:
    try:
        decode_request(payload)
    except ProtocolError as exc:
        return exc
    return None


def test_every_object_in_the_prose_is_a_message() -> None:
    prose = re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL)
    objects = re.findall(r"`(\{\"[^`]*\})`", prose)
    assert objects
    for payload in objects:
        decode_request(payload.encode())


def test_the_frames_in_hex_are_frames() -> None:
    blocks = examples("hex")
    assert len(blocks) == 2
    for block in blocks:
        decoder = FrameDecoder()
        for line in block.splitlines():
            chunk = bytes.fromhex(line[:48])
            assert line[50:] == "".join(chr(byte) if 32 <= byte < 127 else "." for byte in chunk)
            decoder.feed(chunk)
        while (payload := decoder.next_payload()) is not None:
            decode_request(payload) if b'"action"' in payload else decode_reply(payload)
        assert decoder.buffered_bytes == 0
