"""Whole conversations, cut wherever a read may end: always the same messages (C74)."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import decode_reply, decode_request, encode
from protocol.errors import ProtocolError
from protocol.framing import FrameDecoder, LineDecoder
from tests.protocol.vectors import Conversation, cases, expand, load


def _payloads(dialect: str, chunks: Sequence[bytes]) -> list[bytes]:
    decoder = FrameDecoder() if dialect == "frames" else LineDecoder()
    payloads = []
    for chunk in chunks:
        decoder.feed(chunk)
        while (payload := decoder.next_payload()) is not None:
            payloads.append(payload)
    assert decoder.buffered_bytes == 0
    return payloads


def _request(payload: bytes) -> dict[str, object] | None:
    try:
        return msgspec.json.decode(encode(decode_request(payload)), type=dict[str, object])
    except ProtocolError:
        return None


def _check(vector: Conversation, client: Sequence[bytes], server: Sequence[bytes]) -> None:
    assert [_request(payload) for payload in _payloads(vector.dialect, client)] == list(vector.requests)
    replies = [encode(decode_reply(payload)) for payload in _payloads(vector.dialect, server)]
    assert [msgspec.json.decode(reply) for reply in replies] == list(vector.replies)


def _streams(vector: Conversation) -> tuple[bytes, bytes]:
    return b"".join(map(expand, vector.client)), b"".join(map(expand, vector.server))


@cases(Conversation, "conversations.json")
def test_a_conversation_is_read_as_the_vectors_say(vector: Conversation) -> None:
    _check(vector, [expand(part) for part in vector.client], [expand(part) for part in vector.server])


@cases(Conversation, "conversations.json")
def test_a_conversation_may_be_cut_at_every_byte(vector: Conversation) -> None:
    streams = _streams(vector)
    for size in (1, 2, max(map(len, streams))):
        _check(vector, *([stream[at : at + size] for at in range(0, len(stream), size)] for stream in streams))
    for place in range(1, max(map(len, streams))):
        _check(vector, *([stream[:place], stream[place:]] for stream in streams))


@given(st.sampled_from(load("conversations.json", Conversation)), st.data())
def test_a_conversation_may_be_cut_at_random(vector: Conversation, data: st.DataObject) -> None:
    parts = []
    for stream in _streams(vector):
        places = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
        edges = [0, *places, len(stream)]
        parts.append([stream[start:end] for start, end in pairwise(edges)])
    _check(vector, *parts)
