"""What is odd in Anthropic's events. The plain ones: the vectors."""

import json

import pytest

from sidecar.errors import UpstreamProtocol
from sidecar.providers import Finish
from sidecar.providers.anthropic import AnthropicDialect
from tests.providers.reading import read
from tests.providers.scripted import event

START = {"type": "message_start", "message": {"type": "message", "usage": {"input_tokens": 1}}}
A = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a"}}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
STOP = {"type": "message_stop"}


def answer(*events: object) -> tuple[str, Finish]:
    return read(*map(event, (START, *events, END, STOP)), dialect=AnthropicDialect())


@pytest.mark.parametrize(
    "odd",
    [
        {"type": 7},
        {"type": "ping", "text": 7},
        {"type": "message_start", "message": {"type": None, "content": None, "stop_reason": 7, "usage": "none"}},
        {"type": "content_block_start", "content_block": {"type": "card", "text": {"value": "x"}}},
        {"type": "content_block_delta", "delta": {"type": "card_delta", "text": ["x"]}},
        {"type": "content_block_delta", "delta": {"type": 7, "text": 7}},
        {"type": "message_delta", "delta": None, "usage": None},
        {"type": "message_delta", "delta": {"stop_reason": {}}, "usage": [1]},
    ],
    ids=json.dumps,
)
def test_what_is_odd_changes_nothing(odd: object) -> None:
    assert answer(A, odd, A) == ("aa", Finish("stop"))


@pytest.mark.parametrize("text", [7, ["b"], {"value": "b"}])
@pytest.mark.parametrize("kind", ["text", "text_delta"])
def test_text_that_is_none_is_an_error_and_not_skipped(kind: str, text: object) -> None:
    with pytest.raises(UpstreamProtocol):
        answer(A, {"type": "content_block_delta", "delta": {"type": kind, "text": text}})


def test_a_whole_message_may_have_odd_blocks_too() -> None:
    blocks = [{"type": "card", "text": 7}, {"type": "text", "text": "a"}]
    message = {"type": "message", "content": blocks, "stop_reason": "end_turn", "usage": {"output_tokens": "2"}}
    assert read(json.dumps(message).encode(), dialect=AnthropicDialect()) == ("a", Finish("stop"))
    with pytest.raises(UpstreamProtocol):
        read(json.dumps({**message, "content": "a"}).encode(), dialect=AnthropicDialect())
