"""The rules for compatible providers, by their numbers: what all servers have in common in which they differ.

What each server sends stands in the vectors, what goes wrong on the wire in test_openai_faults.py, and the addresses
of rule 16 in urls.json.
"""

import json

import pytest
from msgspec.structs import replace

from protocol.messages import Usage
from sidecar.errors import SidecarError, Truncated, UpstreamProtocol
from sidecar.providers import Finish
from sidecar.providers.resilience import TryAgain
from sidecar.providers.sse import MAX_EVENT_BYTES, MAX_LINE_BYTES
from tests.providers.asking import PATIENT, ask, opened
from tests.providers.faults import OK, chunked, outcome
from tests.providers.reading import read, reader, slices
from tests.providers.scripted import DONE, ROLE, USAGE, Asked, chunk, event, running

A, STOP = event(chunk("a")), event(chunk(finish_reason="stop"))
FINE = ("a", Finish("stop"))
EACH_STOPS = [event(chunk(text, finish_reason="stop")) for text in "ab"]
SIGNS_OF_LIFE = [b": ping\n\n", b"event: ping\n\n", b"data:\n\n", b"data: : ping\n\n"]


class TestRule01SignsOfLifeAreNoContent:
    @pytest.mark.parametrize("sign", SIGNS_OF_LIFE)
    def test_they_are_ignored(self, sign: bytes) -> None:
        assert read(sign, ROLE, sign, A, sign, STOP, sign, DONE) == FINE

    @pytest.mark.anyio
    @pytest.mark.parametrize("sign", SIGNS_OF_LIFE)
    async def test_they_do_not_reset_the_clock_of_the_tokens(self, sign: bytes) -> None:
        def alive(asked: Asked) -> None:
            asked.head()
            asked.chunk(A)
            while True:
                asked.chunk(sign)
                asked.pause(0.02)

        with running(alive) as server:
            async with opened(server.url, replace(PATIENT, idle_seconds=0.2)) as provider:
                texts: list[str] = []
                with pytest.raises(SidecarError) as caught:
                    await ask(provider, into=texts)
        assert (texts, caught.value.code) == (["a"], "timeout_idle")


@pytest.mark.parametrize("text", ["ä", "€", "😀", "a\u0301"])
def test_rule_02_characters_are_whole_wherever_their_bytes_are_cut(text: str) -> None:
    raw = json.dumps(chunk(text), ensure_ascii=False).encode()
    content = b"data: " + raw + b"\n\n" + STOP
    for cut in range(len(content)):
        assert read(content[:cut], content[cut:]) == (text, Finish("stop"))


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["text/event-stream", "text/event-stream; charset=iso-8859-1", "text/plain", None])
async def test_rule_02_the_charset_is_utf_8_whatever_is_said(kind: str | None) -> None:
    def script(asked: Asked) -> None:
        asked.head(kind=kind)
        asked.chunk(b"data: " + json.dumps(chunk("é"), ensure_ascii=False).encode() + b"\n\n" + STOP)
        asked.end()

    with running(script) as server:
        async with opened(server.url) as provider:
            assert await ask(provider) == (["é"], Finish("stop"))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_rule_03_only_cr_lf_and_crlf_end_a_line(end: bytes) -> None:
    text = "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg"
    raw = json.dumps(chunk(text), ensure_ascii=False).encode()
    content = (b"data: " + raw + b"\n\n" + STOP).replace(b"\n", end)
    for size in (1, 2, 3, len(content)):
        assert read(*slices(content, size)) == (text, Finish("stop"))


def test_rule_04_a_mark_several_lines_and_blanks() -> None:
    split = event(chunk("a")).replace(b'"object"', b'\ndata: "object"')
    assert read(b"\xef\xbb\xbf" + split, STOP) == FINE
    assert read(A.replace(b"data: ", b"data:"), STOP) == FINE
    assert read(A.replace(b"data: ", b"data:  "), STOP) == FINE
    assert read(b"data\n\nid\nretry\n" + A, STOP) == FINE
    # One mark, not two: the field has another name then.
    assert read(b"\xef\xbb\xbf\xef\xbb\xbf" + event(chunk("b")) + A + STOP) == FINE


def test_rule_05_an_unterminated_last_event_counts_where_it_is_whole() -> None:
    assert read(A, STOP.rstrip()) == FINE
    assert read(A, STOP.removesuffix(b"\n")) == FINE
    with pytest.raises(SidecarError) as caught:
        read(A, STOP.rstrip()[:-1])
    assert caught.value.code == "truncated"


@pytest.mark.parametrize("last", [b"data: [DONE]\n\n", b"data:[DONE]\n\n", b"data:  [DONE] \n\n", b"data: [DONE]"])
def test_rule_06_the_last_word_however_it_is_written_and_nothing_behind_it(last: bytes) -> None:
    assert read(A, STOP, last) == FINE
    if last.endswith(b"\n\n"):
        assert read(A, STOP, last + event(chunk("b")) + b"data: {garbage\n\n") == FINE


def test_rule_07_lines_and_events_are_bounded() -> None:
    line, lines = b"data: " + b"x" * (MAX_LINE_BYTES + 1), (b"data: " + b"x" * 1000 + b"\n") * 1100
    assert len(lines) > MAX_EVENT_BYTES
    for endless in (line, lines):
        texts: list[str] = []
        with pytest.raises(UpstreamProtocol, match="too large"):
            read(A, *slices(endless, 65536), into=texts)
        assert texts == ["a", *[""] * (len(texts) - 1)]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", None])
@pytest.mark.parametrize(
    ("body", "end"),
    [
        (b'{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}', "stop"),
        (b'\n\n {"error":{"message":"x","code":400}}', "upstream_bad_request"),
        (A + STOP + DONE, "stop"),
    ],
)
async def test_rule_08_the_first_byte_tells_json_from_events_whatever_the_type_says(
    kind: str | None, body: bytes, end: str
) -> None:
    def script(asked: Asked) -> None:
        asked.head(kind=kind)
        asked.chunk(body)
        asked.end()

    with running(script) as server:
        async with opened(server.url) as provider:
            assert (await outcome(provider)).end == end


@pytest.mark.parametrize(
    "body",
    [
        {"error": "no such thing"},
        {"error": {"message": "no such thing"}},
        {"error": [{"message": "no such thing"}]},
        [{"error": {"message": "no such thing"}}],
        {"detail": "no such thing"},
        {"detail": [{"msg": "no such thing"}]},
        {"message": "no such thing", "code": 500},
        {"object": "error", "message": "no such thing"},
    ],
)
def test_rule_09_an_error_with_status_200_is_one_in_every_form(body: object) -> None:
    for content in (json.dumps(body).encode(), ROLE + event(body)):
        with pytest.raises(TryAgain, match="no such thing"):
            read(content)


def test_rule_09_of_its_words_500_are_kept_and_no_page() -> None:
    with pytest.raises(TryAgain) as caught:
        read(json.dumps({"error": {"message": "word " * 1000}}).encode())
    assert 450 < len(str(caught.value)) < 560
    with pytest.raises(UpstreamProtocol, match="web page"):
        read(b"<!doctype html><title>canary</title>")


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"choices": None},
        {"choices": []},
        {"choices": [{}]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"content": None}, "index": None}], "id": ""},
        {"choices": [{"delta": {"content": []}}]},
        {"choices": [{"delta": {"content": [{"type": "x"}, {"text": None}]}}]},
        {"choices": [{"delta": {"content": "", "refusal": 7, "role": 7}, "index": "0", "finish_reason": {}}]},
        {"choices": [], "usage": []},
        {"choices": [], "usage": {"prompt_tokens": "7", "completion_tokens": 1.5}, "object": 7, "x_groq": 7},
        {"unknown": {"a": [1]}},
    ],
    ids=json.dumps,
)
def test_rule_10_what_is_missing_empty_null_or_unknown_changes_nothing(odd: object) -> None:
    assert read(event(odd), A, event(odd), STOP) == FINE


@pytest.mark.parametrize("content", ["b", ["b"], [{"type": "text", "text": "b"}, {"type": "image"}]])
def test_rule_10_content_is_a_text_or_a_list_also_beside_what_is_odd(content: object) -> None:
    odd = {"choices": [{"delta": {"content": content}, "finish_reason": 7}], "usage": "none"}
    assert read(A, event(odd), STOP)[0] == "ab"


@pytest.mark.parametrize("content", [7, {"text": "b"}, [7], [{"text": 7}]])
def test_rule_10_text_that_is_none_is_an_error_and_not_skipped(content: object) -> None:
    with pytest.raises(UpstreamProtocol):
        read(A, event({"choices": [{"delta": {"content": content}}]}), STOP)


@pytest.mark.parametrize("choice", [7, "b", ["b"], {"delta": 7}, {"delta": "b"}, {"message": ["b"]}])
def test_rule_10_what_may_be_text_in_the_wrong_place_is_one_too(choice: object) -> None:
    with pytest.raises(UpstreamProtocol):
        read(A, event({"choices": [choice]}), STOP)


def test_rule_11_only_the_last_reason_counts() -> None:
    both = event(chunk("a", finish_reason="stop")) + event(chunk("b", finish_reason="length"))
    assert read(both, DONE) == ("ab", Finish("length"))
    call = event({"choices": [{"delta": {"tool_calls": [{"index": None, "function": {"name": "f"}}]}}]})
    assert read(A, call, STOP, DONE) == ("a", Finish("other"))


@pytest.mark.anyio
@pytest.mark.parametrize("last", [EACH_STOPS[1], event({"choices": [{"delta": {"reasoning": "hm"}}]})])
async def test_rule_11_where_every_chunk_has_a_reason_it_does_not_excuse_a_broken_connection(last: bytes) -> None:
    ends = []
    for ways in ((EACH_STOPS[0] + last, "cut"), (EACH_STOPS[0] + last, "reset"), (EACH_STOPS[0] + last + DONE, "cut")):
        with running(chunked(*ways), OK) as server:
            async with opened(server.url) as provider:
                ends.append((await outcome(provider)).end)
    assert ends == ["truncated", "truncated", "stop"]
    # The end of the body, which the provider wrote itself, is one.
    assert read(EACH_STOPS[0], last)[1] == Finish("stop")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (0, 2, 1)])
def test_rule_12_usage_comes_anywhere_and_the_last_one_counts(order: tuple[int, int, int]) -> None:
    running_usage = event({**chunk("a"), "usage": {"prompt_tokens": 21, "completion_tokens": 1}})
    events = (running_usage, STOP, event(USAGE))
    last = 48 if order.index(2) > order.index(0) else 1
    usage = read(*(events[index] for index in order), DONE)[1].usage
    assert usage == Usage(prompt_tokens=21, completion_tokens=last)


@pytest.mark.parametrize(
    "thought", [{"reasoning_content": "hm"}, {"reasoning": "hm"}, {"content": "<think>hm"}, {"reasoning_details": [{}]}]
)
def test_rule_13_thoughts_that_use_all_tokens_end_as_length_and_the_log_says_why(
    thought: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert read(event(chunk(delta=thought)), event(chunk(finish_reason="length")), DONE) == ("", Finish("length"))
    assert "MAX_TOKENS" in caplog.text


@pytest.mark.parametrize("thought", [{"reasoning": "hm"}, {"content": [{"type": "thinking", "thinking": []}]}])
def test_rule_13_thoughts_are_progress_and_not_sent_on(thought: object) -> None:
    answer = reader()
    assert answer.feed(event(chunk(delta=thought))) == ""
    assert answer.progress == 1


@pytest.mark.parametrize("end", [STOP, STOP + DONE])
def test_rule_13_a_tag_that_is_never_closed_is_what_a_model_writes(end: bytes) -> None:
    said = [event(chunk(text)) for text in ("<thi", "nk> is a tag", " that models write.")]
    assert read(*said, end) == ("<think> is a tag that models write.", Finish("stop"))
    with pytest.raises(Truncated):
        read(*said)
