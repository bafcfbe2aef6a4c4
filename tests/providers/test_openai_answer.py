import json
from collections.abc import Iterable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.messages import Usage
from sidecar.errors import (
    ContextTooLong,
    SidecarError,
    Truncated,
    UpstreamAuth,
    UpstreamBadRequest,
    UpstreamError,
    UpstreamProtocol,
    UpstreamRateLimited,
)
from sidecar.providers import Finish
from sidecar.providers.openai_answer import OpenAIAnswer
from sidecar.providers.resilience import TryAgain
from tests.providers.scripted import DONE, ROLE, USAGE, chunk, event, good

STOP = event(chunk(finish_reason="stop"))
OUR_USAGE = Usage(prompt_tokens=21, completion_tokens=48)


def read(*chunks: bytes) -> tuple[str, Finish]:
    """Return the text and the end of an answer that came in these chunks, or raise what is wrong with it."""
    answer = OpenAIAnswer(mask=str)
    text = ""
    for came in chunks:
        text += answer.feed(came)
        if answer.failure:
            raise answer.failure
    text += answer.finish()
    if answer.failure:
        raise answer.failure
    return text, answer.end()


def plain(content: object, **fields: object) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}, "finish_reason": "stop"}], **fields}).encode()


def with_delta(delta: object, **fields: object) -> bytes:
    return event({"choices": [{"index": 0, "delta": delta, **fields}]})


class TestGoodStreams:
    def test_however_it_is_cut(self) -> None:
        stream = good("The sky", " scatters – ", "light 😀")
        expected = ("The sky scatters – light 😀", Finish("stop", OUR_USAGE))
        assert read(stream) == expected
        assert read(*(stream[index : index + 1] for index in range(len(stream)))) == expected
        for cut in range(len(stream)):
            assert read(stream[:cut], stream[cut:]) == expected

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [("stop", "stop"), ("STOP", "stop"), ("eos", "stop"), ("length", "length"), ("MAX_TOKENS", "length"),
         ("model_length", "length"), ("content_filter", "filtered"), ("SAFETY", "filtered"), ("tool_calls", "other"),
         ("function_call", "other"), ("insufficient_system_resource", "other"), ("whatever", "other")],
    )  # fmt: skip
    def test_how_it_finishes(self, raw: str, reason: str) -> None:
        assert read(good("a", reason=raw)) == ("a", Finish(reason, OUR_USAGE))  # type: ignore[arg-type]

    def test_a_done_without_a_reason_is_an_other_end(self) -> None:
        assert read(event(chunk("a")), DONE) == ("a", Finish("other"))

    def test_a_reason_without_a_done_is_an_end(self) -> None:
        assert read(event(chunk("a")), STOP) == ("a", Finish("stop"))

    def test_a_reason_in_every_chunk_ends_nothing(self) -> None:
        stream = event(chunk("a", finish_reason="stop")) + event(chunk("b", finish_reason="stop"))
        assert read(stream, DONE) == ("ab", Finish("stop"))

    def test_what_follows_the_last_word_is_ignored(self) -> None:
        assert read(good("a"), event(chunk("b")), b"data: {garbage\n\n") == ("a", Finish("stop", OUR_USAGE))
        assert read(good("a") + event(chunk("b"))) == ("a", Finish("stop", OUR_USAGE))

    @pytest.mark.parametrize("last", [b"data: [DONE]", b"data:  [DONE] \n", b"data:[DONE]\r"])
    def test_the_last_word_in_other_forms(self, last: bytes) -> None:
        assert read(event(chunk("a")), last) == ("a", Finish("other"))
        assert read(event(chunk("a")), last + b"\n\n") == ("a", Finish("other"))

    def test_an_unterminated_last_event_counts_where_it_is_whole(self) -> None:
        assert read(event(chunk("a")), STOP.rstrip()) == ("a", Finish("stop"))
        with pytest.raises(Truncated):
            read(event(chunk("a")), STOP[:-10])

    @pytest.mark.parametrize(
        "noise",
        [b": ping\n\n", b":\n\n", b"event: ping\n\n", b"data:\n\n", b"data\n\n", b"data: : ping\n\n", b"\n\n",
         b": OPENROUTER PROCESSING\n\n", b"id: 7\nretry: 100\n\n"],
    )  # fmt: skip
    def test_signs_of_life_are_no_content(self, noise: bytes) -> None:
        answer = OpenAIAnswer(mask=str)
        assert answer.feed(noise) == ""
        assert answer.progress == 0
        assert answer.failure is None
        assert read(noise, ROLE, noise, event(chunk("a")), noise, STOP, noise, DONE) == ("a", Finish("stop"))


class TestUsage:
    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (0, 2, 1)])
    def test_wherever_it_comes(self, order: tuple[int, int, int]) -> None:
        events = (event(chunk("a")), STOP, event(USAGE))
        assert read(*(events[index] for index in order), DONE) == ("a", Finish("stop", OUR_USAGE))

    def test_the_last_one_counts(self) -> None:
        running = event({**chunk("a"), "usage": {"prompt_tokens": 21, "completion_tokens": 1}})
        assert read(running, event(USAGE), STOP)[1].usage == OUR_USAGE

    def test_in_the_same_chunk_as_the_end(self) -> None:
        last = event({**chunk(finish_reason="stop"), "usage": {"prompt_tokens": 1, "completion_tokens": 2, "x": {}}})
        assert read(last)[1].usage == Usage(prompt_tokens=1, completion_tokens=2)

    def test_groqs(self) -> None:
        groq = {**chunk(finish_reason="stop"), "x_groq": {"usage": {"prompt_tokens": 1, "completion_tokens": 2}}}
        assert read(event(groq))[1].usage == Usage(prompt_tokens=1, completion_tokens=2)

    def test_none_is_not_zero(self) -> None:
        assert read(event({**chunk(finish_reason="stop"), "usage": None}))[1].usage is None
        assert read(event({**chunk(finish_reason="stop"), "usage": {}}))[1].usage is None
        zero = event({**chunk(finish_reason="stop"), "usage": {"prompt_tokens": 0, "completion_tokens": 0}})
        assert read(zero)[1].usage == Usage(prompt_tokens=0, completion_tokens=0)


class TestWhatServersLeaveOutOrPutIn:
    @pytest.mark.parametrize(
        "odd",
        [
            event({}),
            event({"choices": None}),
            event({"choices": []}),
            event({"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}),
            event({"id": "", "created": 0, "choices": [{"content_filter_results": {}, "finish_reason": None}]}),
            with_delta(None),
            with_delta({}),
            with_delta({"content": None}),
            with_delta({"content": ""}),
            with_delta({"content": [], "role": "assistant"}),
            with_delta({"content": None, "tool_calls": [{"index": None}]}, index=None),
            with_delta({"content": "", "obfuscation": "xyz", "unknown": {"a": [1]}}),
            with_delta({"content": "other"}, index=1),
            event({"choices": [{"index": 0}], "error": None}),
        ],
    )
    def test_it_changes_nothing(self, odd: bytes) -> None:
        assert read(odd, event(chunk("a")), odd, STOP) == ("a", Finish("stop"))

    def test_content_as_a_list(self) -> None:
        parts = [{"type": "thinking", "thinking": [{"text": "hm"}]}, {"type": "text", "text": "a"}, {"text": "b"}]
        assert read(with_delta({"content": parts}), STOP)[0] == "ab"

    def test_a_refusal_is_what_the_model_says(self) -> None:
        assert read(with_delta({"refusal": "I cannot"}), STOP) == ("I cannot", Finish("refused"))

    def test_geminis_spelling_of_the_reason(self) -> None:
        assert (
            read(event({"choices": [{"delta": {"content": "a"}, "finishReason": "MAX_TOKENS"}]}))[1].reason == "length"
        )

    @pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
    def test_thoughts_are_content_that_is_not_sent_on(self, name: str) -> None:
        answer = OpenAIAnswer(mask=str)
        assert answer.feed(with_delta({name: "hm", "content": None})) == ""
        assert answer.progress == 1
        assert answer.feed(with_delta({name: "", "content": ""})) == ""
        assert answer.feed(with_delta({name: None})) == ""
        assert answer.progress == 1


class TestPlainJson:
    def test_it_is_one_text(self) -> None:
        body = plain("The sky", usage={"prompt_tokens": 1, "completion_tokens": 2})
        expected = ("The sky", Finish("stop", Usage(prompt_tokens=1, completion_tokens=2)))
        assert read(body) == expected
        assert read(b"\n\n \n", body[:9], body[9:]) == expected  # DeepSeek sends blank lines first
        for marked in (b"\xef\xbb\xbf" + body, b"\xef\xbb\xbf\n" + body):
            for cut in range(6):
                assert read(marked[:cut], marked[cut:]) == expected

    def test_without_a_reason_the_end_is_another(self) -> None:
        assert read(b'{"choices":[{"message":{"content":"a"}}]}') == ("a", Finish("other"))

    @pytest.mark.parametrize("body", [b'{"object":"list"}', b"[]", b"{}", b'{"choices":[{"mess', b"{" * 100_000])
    def test_what_is_no_completion(self, body: bytes) -> None:
        with pytest.raises(UpstreamProtocol):
            read(body)

    def test_it_is_bounded(self) -> None:
        with pytest.raises(UpstreamProtocol, match="too large"):
            read(b"{", *[b" " * 1024 * 1024] * 17)


class TestWhatIsNoAnswer:
    @pytest.mark.parametrize("body", [b"", b"\n\n", b": ping\n\n", b"Hello", b"event: x\n\n"])
    def test_nothing_in_it(self, body: bytes) -> None:
        with pytest.raises(UpstreamProtocol, match="empty, or not in the language"):
            read(body)

    @pytest.mark.parametrize("body", [b"<html>", b"\n <!doctype html>"])
    def test_a_web_page(self, body: bytes) -> None:
        with pytest.raises(UpstreamProtocol, match="web page"):
            read(body)

    @pytest.mark.parametrize(
        "content",
        [b"{", b"nonsense", b'{"choices":3}', b'{"choices":[{"delta":{"content":3}}]}', b"[1]", b"\xff",
         b'{"choices":[{"delta":{"content":"\xff"}}]}', b'{"choices":[{"delta":{"content":"\xed\xa0\xbd"}}]}',
         b'{"choices":[{"delta":{"content":"\\ud83d"}}', b"[" * 100_000],
    )  # fmt: skip
    def test_invalid_content_is_an_error_and_not_skipped(self, content: bytes) -> None:
        answer = OpenAIAnswer(mask=str)
        text = answer.feed(event(chunk("a")) + b"data: " + content + b"\n\n" + event(chunk("b")))
        assert text == "a"
        assert isinstance(answer.failure, UpstreamProtocol)

    def test_an_end_that_does_not_come(self) -> None:
        with pytest.raises(Truncated):
            read(ROLE, event(chunk("a")))
        with pytest.raises(Truncated):
            read(ROLE)

    def test_too_long_a_line(self) -> None:
        with pytest.raises(UpstreamProtocol, match="a line has more than"):
            read(event(chunk("a")), b"data: " + b"x" * 300_000)

    def test_too_long_a_last_event(self) -> None:
        answer = OpenAIAnswer(mask=str)
        for _ in range(5):
            answer.feed(b"data: " + b"x" * 250_000 + (b"\n" if _ < 4 else b""))
        answer.finish()
        assert isinstance(answer.failure, UpstreamProtocol)


class TestErrorsWithin:
    @pytest.mark.parametrize(
        ("complaint", "error"),
        [
            ({"error": {"message": "busy", "type": "server_error"}}, UpstreamError),
            ({"error": "busy"}, UpstreamError),
            ({"object": "error", "message": "busy", "code": 500}, UpstreamError),
            ({"error": {"message": "slow down", "code": 429}}, UpstreamRateLimited),
            ({"error": {"message": "slow down", "type": "rate_limit_error"}}, UpstreamRateLimited),
            ({"error": {"message": "pay", "code": "insufficient_quota"}}, UpstreamRateLimited),
            ({"error": {"message": "key", "code": "invalid_api_key"}}, UpstreamAuth),
            ({"error": {"message": "bad", "type": "invalid_request_error"}}, UpstreamBadRequest),
            ({"error": {"message": "bad", "code": 400}}, UpstreamBadRequest),
            ({"error": {"message": "long", "code": "context_length_exceeded"}}, ContextTooLong),
        ],
    )
    def test_each_is_mapped(self, complaint: object, error: type[SidecarError]) -> None:
        for body in (event(complaint), json.dumps(complaint).encode(), b"event: error\n" + event(complaint)):
            with pytest.raises((SidecarError, TryAgain)) as caught:
                read(body)
            failure = caught.value.error if isinstance(caught.value, TryAgain) else caught.value
            assert type(failure) is error

    def test_the_text_before_one_is_given(self) -> None:
        answer = OpenAIAnswer(mask=str)
        assert answer.feed(event(chunk("a")) + event({"error": {"message": "busy"}})) == "a"
        assert isinstance(answer.failure, TryAgain)
        assert "busy" in str(answer.failure)

    def test_that_of_older_llama_cpp(self) -> None:
        with pytest.raises(ContextTooLong):
            read(b'error: {"code":400,"message":"x","type":"exceed_context_size_error"}\n\n')

    def test_an_end_by_error(self) -> None:
        with pytest.raises(UpstreamError):
            read(good("a", reason="error"))

    def test_an_error_event_without_json(self) -> None:
        with pytest.raises(TryAgain):
            read(b"event: error\ndata: oops\n\n")


class TestHalvesOfCharacters:
    def join(self, *contents: str) -> str:
        return read(
            *(b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\n' % c.encode() for c in contents), STOP, DONE
        )[0]

    def test_in_two_deltas_they_are_joined(self) -> None:
        assert self.join("a\\ud83d", "\\ude00b") == "a😀b"

    @pytest.mark.parametrize(
        ("contents", "text"),
        [(["a\\ud83d", "b"], "a\ufffdb"), (["\\ude00b"], "\ufffdb"), (["a\\ud83d"], "a\ufffd"),
         (["\\ud83d\\ud83d", "\\ude00"], "\ufffd😀"), (["\\ud83d\\ude00"], "😀"), (["\\ud83d", "", "\\ude00"], "😀")],
    )  # fmt: skip
    def test_alone_they_are_replaced(self, contents: list[str], text: str) -> None:
        assert self.join(*contents) == text

    def test_other_fields_survive_the_way_round(self) -> None:
        body = b'data: {"choices":[{"delta":{"content":"\\ud83d","reasoning":"x"}}],"error":null}\n\n'
        assert read(body, STOP)[0] in ("\ufffd", "")
        with pytest.raises(TryAgain, match="busy"):
            read(b'data: {"error":{"message":"busy"},"x":"\\ud83d"}\n\n')


@given(st.lists(st.binary(max_size=50)))
def test_garbage_raises_only_our_errors(chunks: list[bytes]) -> None:
    with suppress(SidecarError, TryAgain):
        read(*chunks)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1)), st.integers(1, 40))
def test_any_texts_come_through_whole(texts: list[str], size: int) -> None:
    stream = good(*texts)
    assert read(*_slices(stream, size))[0] == "".join(texts)


def _slices(stream: bytes, size: int) -> Iterable[bytes]:
    return (stream[start : start + size] for start in range(0, len(stream), size))
