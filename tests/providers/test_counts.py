import pytest

from protocol.messages import Usage
from sidecar.providers import Finish
from sidecar.providers._counts import make_usage, read_count
from sidecar.providers.anthropic import AnthropicDialect
from tests.providers.reading import read
from tests.providers.scripted import chunk, event

GOOD_COUNTS = [(0, 0), (7, 7), (2.0, 2), (2**53 - 1, 2**53 - 1)]
BAD_COUNTS = [-5, 2**53, 2**70, True, 1.5, 1e300, float("inf"), "7", None, [], {}]


@pytest.mark.parametrize(("written", "count"), GOOD_COUNTS)
def test_what_is_a_count(written: object, count: int) -> None:
    assert read_count(written) == count
    assert (
        read_openai(written)
        == read_anthropic(written)
        == Finish("stop", Usage(prompt_tokens=21, completion_tokens=count))
    )


@pytest.mark.parametrize("written", BAD_COUNTS)
def test_what_is_none_leaves_the_answer_whole_and_its_usage_to_be_estimated(written: object) -> None:
    assert read_count(written) is None
    assert read_openai(written) == read_anthropic(written) == Finish("stop", None)


def test_one_alone_is_no_usage() -> None:
    assert make_usage(1, None) is make_usage(None, 1) is None
    last = {**chunk("a", finish_reason="stop"), "usage": {"prompt_tokens": 21}}
    assert read(event(last)) == ("a", Finish("stop", None))


def test_zeros_are_no_usage_because_whatever_was_asked_had_words() -> None:
    assert make_usage(0, 0) is None
    assert make_usage(21, 0) == Usage(prompt_tokens=21, completion_tokens=0)
    assert make_usage(0, 48) == Usage(prompt_tokens=0, completion_tokens=48)
    zeros = {**chunk("a", finish_reason="stop"), "usage": {"prompt_tokens": 0, "completion_tokens": 0}}
    assert read(event(zeros)) == ("a", Finish("stop", None))


def read_openai(count: object) -> Finish:
    text, finish = read(
        event({**chunk("a", finish_reason="stop"), "usage": {"prompt_tokens": 21, "completion_tokens": count}})
    )
    assert text == "a"
    return finish


def read_anthropic(count: object) -> Finish:
    delta = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a"}}
    text, finish = read(
        event({"type": "message_start", "message": {"type": "message", "usage": {"input_tokens": 21}}}),
        event(delta),
        event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": count}}),
        event({"type": "message_stop"}),
        dialect=AnthropicDialect(),
    )
    assert text == "a"
    return finish
