"""Reads the golden files of protocol/vectors; the README there says what is in them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
import pytest
from msgspec import Struct

import protocol
from protocol.errors import Code
from protocol.framing import MAX_PAYLOAD_BYTES

FOLDER = Path(protocol.__file__).parent / "vectors"

V = TypeVar("V", bound="Vector")


class Vector(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all have; `object` stands for bytes as the files write them."""

    name: str
    row: tuple[str, ...] = ()


class FramingVector(Vector, frozen=True):
    chunks: tuple[object, ...]
    payloads: tuple[object, ...]
    max_payload_bytes: int = MAX_PAYLOAD_BYTES
    end: bool = False
    rest: int = 0
    error: Code | None = None


class EncodeVector(Vector, frozen=True):
    payload: object
    frame: object
    line: object


class DetectVector(Vector, frozen=True):
    first: tuple[str, str]
    socket: Literal["frames", "lines", "http", "skip", "close"]
    stdio: Literal["frames", "lines"]


class GoodRequest(Vector, frozen=True):
    payload: object
    fields: dict[str, object]
    lengths: dict[str, int] = {}
    pinned: bool = False


class BadRequest(Vector, frozen=True):
    payload: object
    code: Code
    id: str | None
    form: Literal["events", "plain"]
    names: tuple[str, ...] = ()


class WrongTypes(Vector, frozen=True):
    start: str
    fields: dict[str, tuple[str, ...]]


class RefusedRequest(Vector, frozen=True):
    payload: object
    code: Code


class GoodReply(Vector, frozen=True):
    message: object
    fields: dict[str, object]
    lengths: dict[str, int] = {}
    pinned: bool = False


class OtherReply(Vector, frozen=True):
    message: object


class AskedByHttp(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    method: str
    path: str
    body: str
    closes: bool


class GoodHttp(Vector, frozen=True):
    bytes: object
    asked: tuple[AskedByHttp, ...]


class BadHttp(Vector, frozen=True):
    bytes: object
    status: int


class Conversation(Vector, frozen=True):
    dialect: Literal["frames", "lines"]
    client: tuple[object, ...]
    requests: tuple[dict[str, object] | None, ...]
    server: tuple[object, ...]
    replies: tuple[dict[str, object], ...]


FILES: Mapping[str, type[Vector]] = {
    "detect.json": DetectVector,
    "framing/frames.json": FramingVector,
    "framing/lines.json": FramingVector,
    "framing/encode.json": EncodeVector,
    "requests/good.json": GoodRequest,
    "requests/bad.json": BadRequest,
    "requests/types.json": WrongTypes,
    "requests/refused.json": RefusedRequest,
    "events/good.json": GoodReply,
    "events/skipped.json": OtherReply,
    "events/bad.json": OtherReply,
    "answers/good.json": GoodReply,
    "answers/bad.json": OtherReply,
    "http/good.json": GoodHttp,
    "http/bad.json": BadHttp,
    "http/foreign.json": BadHttp,
    "conversations.json": Conversation,
}


def expand(written: object) -> bytes:
    """Return the bytes that a golden file writes as text, hex, a repetition, or several of these."""
    match written:
        case str():
            return written.encode()
        case {"hex": str(digits), **others} if not others:
            return bytes.fromhex(digits)
        case {"repeat": [part, int(times)], **others} if not others:
            return expand(part) * times
        case [*parts]:
            return b"".join(map(expand, parts))
    raise ValueError(f"These are no bytes: {written!r}")


def load(path: str, kind: type[V]) -> list[V]:
    """Return the vectors of one file."""
    return msgspec.json.decode((FOLDER / path).read_bytes(), type=list[kind])  # type: ignore[valid-type]


def cases(kind: type[Vector], *paths: str) -> pytest.MarkDecorator:
    """Return the decorator that runs a test on each vector of these files, as its argument `vector`."""
    vectors = [(path, vector) for path in paths for vector in load(path, kind)]
    return pytest.mark.parametrize(
        "vector", [vector for _, vector in vectors], ids=[f"{path}: {vector.name}" for path, vector in vectors]
    )
