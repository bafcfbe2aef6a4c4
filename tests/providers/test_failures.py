import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import ContextTooLong, SidecarError, UpstreamAuth, UpstreamBadRequest, UpstreamRateLimited
from sidecar.observability.redaction import Redaction
from sidecar.providers.failures import Complaint, explain_status, read_complaint
from sidecar.providers.resilience import TryAgain
from sidecar.secret import Secret

KEY = "sk-canary0123456789ABCDEF"


def explain(status: int, content: object = b"", headers: Mapping[str, str] = {}) -> SidecarError | TryAgain:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return explain_status(status, headers, body, Redaction([Secret(KEY)]).mask)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"error": {"message": "m", "type": "t", "code": "c", "param": "p"}}, Complaint("m", "t c", "p")),
        ({"error": "m"}, Complaint("m")),
        ({"error": {"message": None, "code": 503}}, Complaint("", "503", status=503)),
        ({"error": {"code": 7}}, Complaint("", "7")),
        ({"object": "error", "message": "m", "type": "t"}, Complaint("m", "t")),
        ({"detail": "m"}, Complaint("m")),
        ({"detail": [{"loc": ["body", "x"], "msg": "extra"}]}, Complaint('[{"loc": ["body", "x"], "msg": "extra"}]')),
        ({"message": "m"}, Complaint("m")),
        ([{"error": {"message": "m", "code": 400}}], Complaint("m", "400", status=400)),
        ([], Complaint()),
        ("m", Complaint("m")),
        (7, Complaint("7")),
        (None, Complaint()),
        (b"<html>", Complaint()),
        (b"\xff", Complaint()),
        (b"[" * 100_000, Complaint()),
    ],
)
def test_complaints_are_read_in_every_form(content: object, complaint: Complaint) -> None:
    assert read_complaint(content if isinstance(content, bytes) else json.dumps(content).encode()) == complaint


@given(st.binary())
def test_any_body_is_read(body: bytes) -> None:
    read_complaint(body)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from("error message code type detail msg".split()), inner)
    ),
)


@given(ANY_JSON)
def test_any_json_is_explained(content: object) -> None:
    explain(400, content)


@pytest.mark.parametrize(
    "content",
    [
        {"error": {"message": "x", "type": "invalid_request_error", "code": "context_length_exceeded"}},
        {
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size. try increasing the context size",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 5000,
            }
        },
        {
            "object": "error",
            "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 "
            "in the messages, 1000 in the completion). Please reduce the length of the messages or completion.",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
        {
            "object": "error",
            "message": "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
            "code": 400,
        },
        {
            "error": "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded "
            "with context length of only 4096 tokens, which is greater than the context length"
        },
        {"error": {"message": "prompt is too long: 250000 tokens > 200000 maximum"}},
    ],
    ids=["OpenAI", "llama.cpp", "vLLM", "vLLM, newer", "LM Studio", "others"],
)
def test_a_request_that_is_too_long_is_recognised(content: object) -> None:
    for status in (400, 413, 422):
        error = explain(status, content)
        assert type(error) is ContextTooLong
        assert "5000" not in str(error)


class TestMessages:
    @pytest.mark.parametrize("status", [400, 404, 422])
    def test_they_are_shown_where_they_explain_the_request(self, status: int) -> None:
        error = explain(status, {"error": {"message": "The model `x` does not exist"}})
        assert isinstance(error, UpstreamBadRequest)
        assert str(error) == f"The provider refused the request (status {status}): The model `x` does not exist"

    def test_a_text_that_moderation_refused_is_no_refused_key(self) -> None:
        message = "Your chosen model requires moderation and your input was flagged for violence."
        error = explain(403, {"error": {"code": 403, "message": message}})
        assert type(error) is UpstreamBadRequest
        assert "violence" not in str(error)
        assert type(explain(403, {"error": {"code": 403, "message": "no"}})) is UpstreamAuth

    @pytest.mark.parametrize("status", [401, 402, 403, 405, 409, 413, 415, 429, 500, 503, 529])
    def test_elsewhere_they_are_not(self, status: int) -> None:
        assert "canary" not in str(explain(status, {"error": {"message": "canary"}}))

    def test_secrets_are_masked(self) -> None:
        shown = str(explain(400, {"error": {"message": f"key {KEY} and {KEY[3:]} and Bearer abc {KEY[:15]}"}}))
        assert KEY[:12] not in shown
        assert KEY[-12:] not in shown
        assert "abc" not in shown

    def test_a_secret_at_the_cut_is_masked(self) -> None:
        for length in range(450, 520):
            assert KEY[:12] not in str(explain(400, {"error": {"message": "x" * length + KEY}}))
            assert KEY[:12] not in str(explain(400, {"error": {"message": "x" * (length + 1500) + KEY}}))

    def test_they_are_one_line_of_500_characters(self) -> None:
        shown = str(explain(400, {"error": {"message": "a\x1b[31m\r\nb\u2028\u202ec\ud800 \x9b" + "é" * 1000}}))
        said = shown.partition(": ")[2]
        assert said.startswith("a [31m b c é")
        assert len(said) == 500
        assert said.isprintable()


@pytest.mark.parametrize("status", [408, 425, 429, 498, 500, 502, 503, 504, 520, 529])
def test_these_are_tried_again(status: int) -> None:
    assert isinstance(explain(status), TryAgain)


@pytest.mark.parametrize(
    "status", [201, 204, 206, 301, 302, 307, 308, 400, 401, 402, 403, 404, 405, 409, 413, 415, 422, 501, 505]
)
def test_these_are_not(status: int) -> None:
    assert isinstance(explain(status), SidecarError)


def test_a_quota_that_is_used_up_is_not_tried_again() -> None:
    error = explain(429, {"error": {"code": "insufficient_quota", "message": "pay"}}, {"retry-after": "1"})
    assert type(error) is UpstreamRateLimited
    assert error.retry_after is None


def test_the_provider_may_say_that_trying_again_is_of_no_use() -> None:
    assert type(explain(429, headers={"x-should-retry": "false", "retry-after": "7"})) is UpstreamRateLimited
