import json
import time
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
from sidecar.providers.resilience import TryAgain
from tests.providers.reading import read, reader, slices
from tests.providers.scripted import DONE, ROLE, chunk, event, good

STOP = event(chunk(finish_reason="stop"))
OUR_USAGE = Usage(prompt_tokens=21, completion_tokens=48)


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
         ("function_call", "other"), ("whatever", "other")],
    )  # fmt: skip
    def test_how_it_finishes(self, raw: str, reason: str) -> None:
        assert read(good("a", reason=raw)) == ("a", Finish(reason, OUR_USAGE))  # type: ignore[arg-type]

    def test_a_done_without_a_reason_is_an_other_end(self) -> None:
        assert read(event(chunk("a")), DONE) == ("a", Finish("other"))

    def test_a_reason_without_a_done_is_an_end(self) -> None:
        assert read(event(chunk("a")), STOP) == ("a", Finish("stop"))


class TestUsage:
    def test_in_the_same_chunk_as_the_end(self) -> None:
        last = event(
            {**chunk("a", finish_reason="stop"), "usage": {"prompt_tokens": 1, "completion_tokens": 2, "x": {}}}
        )
        assert read(last)[1].usage == Usage(prompt_tokens=1, completion_tokens=2)

    def test_groqs(self) -> None:
        groq = {**chunk("a", finish_reason="stop"), "x_groq": {"usage": {"prompt_tokens": 1, "completion_tokens": 2}}}
        assert read(event(groq))[1].usage == Usage(prompt_tokens=1, completion_tokens=2)

    def test_none_is_not_zero(self) -> None:
        assert read(event({**chunk("a", finish_reason="stop"), "usage": None}))[1].usage is None
        assert read(event({**chunk("a", finish_reason="stop"), "usage": {}}))[1].usage is None
        zero = event({**chunk("a", finish_reason="stop"), "usage": {"prompt_tokens": 21, "completion_tokens": 0}})
        assert read(zero)[1].usage == Usage(prompt_tokens=21, completion_tokens=0)


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
            with_delta({"content": None, "tool_calls": []}, index=None),
            with_delta({"content": "", "obfuscation": "xyz", "unknown": {"a": [1]}}),
            with_delta({"content": "other"}, index=1),
            event({"choices": [{"index": 0}], "error": None}),
        ],
    )
    def test_it_changes_nothing(self, odd: bytes) -> None:
        assert read(odd, event(chunk("a")), odd, STOP) == ("a", Finish("stop"))

    def test_a_refusal_is_what_the_model_says(self) -> None:
        assert read(with_delta({"refusal": "I cannot"}), STOP) == ("I cannot", Finish("refused"))

    def test_geminis_spelling_of_the_reason(self) -> None:
        assert (
            read(event({"choices": [{"delta": {"content": "a"}, "finishReason": "MAX_TOKENS"}]}))[1].reason == "length"
        )


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

    def test_blanks_before_it_cost_their_number_and_not_its_square(self) -> None:
        before = time.process_time()
        assert read(*[b" " * 1400] * 3000, plain("a")) == ("a", Finish("stop"))
        assert time.process_time() - before < 2  # it would be 16 s


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
        answer = reader()
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
        answer = reader()
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
        answer = reader()
        assert answer.feed(event(chunk("a")) + event({"error": {"message": "busy"}})) == "a"
        assert isinstance(answer.failure, TryAgain)
        assert "busy" in str(answer.failure)

    def test_that_of_older_llama_cpp(self) -> None:
        with pytest.raises(ContextTooLong):
            read(b'error: {"code":400,"message":"x","type":"exceed_context_size_error"}\n\n')

    @pytest.mark.parametrize("reason", ["error", "ERROR", "insufficient_system_resource"])
    def test_an_end_by_error(self, reason: str) -> None:
        with pytest.raises(TryAgain):
            read(good("a", reason=reason))

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


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1), st.integers(1, 40))
def test_any_texts_come_through_whole(texts: list[str], size: int) -> None:
    # With a beginning that is none of a thought: those are dropped.
    stream = good("So: ", *texts)
    assert read(*slices(stream, size))[0] == "So: " + "".join(texts)
