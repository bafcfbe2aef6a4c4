"""However the bytes of a conversation are cut, the messages are the same (C74)."""

from collections.abc import Iterable
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from protocol.framing import encode_frame, encode_line
from protocol.messages import Answer, Done, Event, Start, Success
from sidecar.dialects import FRAMES, LINES, PayloadDialect
from tests.session.fakes import EchoingProvider
from tests.session.house import is_end, open_house

pytestmark = pytest.mark.anyio

REQUESTS: list[dict[str, object] | bytes] = [
    {"action": "chat", "id": "a", "content": "What is a príme nümber? 日本語 🙂", "stream": True},
    {"action": "chat", "id": "b", "content": "Answer at once.", "user_id": 42, "history": []},
    b'{"action":"chat"',
    {"action": "fly", "id": "c", "stream": True},
    {"action": "ping", "id": "d"},
    {"action": "cancel", "id": "unknown"},
    {"action": "summarize", "id": "e", "content": "One. Two. Three.", "stream": True, "detach": True},
    {"action": "analyze", "id": "f", "content": " "},
    {"action": "resume", "id": "g", "reply": "r_unknown", "stream": True},
    {"action": "ticket", "id": "h", "reply": "r_unknown"},
    {"action": "chat", "id": "i", "contnt": "typo"},
    {"action": "cancel", "id": "j", "reply": "r_unknown"},
]
# Only in lines a request without id may follow another one at once; what has none is answered in turn.
NAMELESS: list[dict[str, object] | bytes] = [
    {"action": "chat", "content": "First of all.", "stream": True},
    {"action": "ping"},
    b"nonsense",
    {"action": "chat", "content": "Second."},
]


def conversation(dialect: PayloadDialect) -> bytes:
    """Return the bytes that a client sends."""
    requests = REQUESTS if dialect is FRAMES else [*NAMELESS, *REQUESTS]
    payloads = [request if isinstance(request, bytes) else msgspec.json.encode(request) for request in requests]
    if dialect is FRAMES:
        return b"".join(map(encode_frame, payloads))
    lines = [encode_line(payload + b" \r" * (number % 2)) for number, payload in enumerate(payloads)]
    return b"\n  \r\n".join(lines)[:-1]  # the last one without a line feed


ENDS = len(REQUESTS) - 1  # a cancel by id is not answered


def in_groups(messages: Iterable[Event | Answer]) -> dict[str, list[Event | Answer]]:
    """Return the messages of each request, without what is another one each time."""
    groups: dict[str, list[Event | Answer]] = {}
    for message in messages:
        if isinstance(message, Start):
            message = replace(message, reply="r")
        if isinstance(message, Done):
            message = replace(message, overhead_ms=None)
        if isinstance(message, Success):
            message = replace(message, reply="r", overhead_ms=None)
        groups.setdefault(str(message.id), []).append(message)
    return groups


async def talk(dialect: PayloadDialect, chunks: Iterable[bytes]) -> dict[str, list[Event | Answer]]:
    """Return what is answered to a conversation that arrives in these chunks."""
    async with open_house(EchoingProvider()) as house:
        client = house.connect(dialect)
        for chunk in chunks:
            client.stream.deliver(chunk)
        if dialect is FRAMES:
            await client.read_ends(ENDS)
        client.stream.end()
        await client.read_all()
        assert sum(map(is_end, client.messages)) == (ENDS if dialect is FRAMES else ENDS + len(NAMELESS))
        return in_groups(client.messages)


@pytest.mark.parametrize("dialect", [FRAMES, LINES], ids=lambda dialect: dialect.name)
async def test_a_conversation_may_be_cut_evenly(dialect: PayloadDialect) -> None:
    wire = conversation(dialect)
    expected = await talk(dialect, [wire])
    assert len(expected["a"]) == 9
    for size in (1, 2, 3, 5, 64):
        assert await talk(dialect, [wire[at : at + size] for at in range(0, len(wire), size)]) == expected


@pytest.mark.parametrize("dialect", [FRAMES, LINES], ids=lambda dialect: dialect.name)
@settings(max_examples=20, deadline=None)
@given(places=st.lists(st.integers(1, len(conversation(LINES)))))
async def test_a_conversation_may_be_cut_anywhere(dialect: PayloadDialect, places: list[int]) -> None:
    wire = conversation(dialect)
    edges = sorted({0, len(wire), *(place for place in places if place < len(wire))})
    assert await talk(dialect, [wire[a:b] for a, b in pairwise(edges)]) == await talk(dialect, [wire])


async def test_lines_without_ids_are_answered_in_order_however_they_are_cut() -> None:
    wire = conversation(LINES)
    nameless = (await talk(LINES, [wire[at : at + 1] for at in range(len(wire))]))["UNSET"]
    kinds = [type(message).__name__ for message in nameless]
    assert kinds == ["Start", "Delta", "Delta", "Delta", "Done", "Done", "Failure", "Success", "Failure"]
