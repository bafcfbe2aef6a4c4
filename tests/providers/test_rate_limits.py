import time
from collections.abc import Mapping
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.providers.rate_limits import read_moment, read_pause, read_reset, read_wish


class TestThePause:
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({}, None),
            ({"retry-after": "2"}, 2.0),
            ({"retry-after": " 2 "}, 2.0),
            ({"retry-after": "0"}, 0.0),
            ({"retry-after": "1.5"}, 1.5),
            ({"retry-after-ms": "250"}, 0.25),
            ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
            ({"x-ms-retry-after-ms": "250"}, 0.25),
            ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
            ({"retry-after": "1000000000"}, 86_400.0),
            ({"retry-after": "-1"}, None),
            ({"retry-after": "nan"}, None),
            ({"retry-after": "inf"}, None),
            ({"retry-after": "1e9"}, None),
            ({"retry-after": "9" * 5000}, None),
            ({"retry-after": "soon"}, None),
            ({"retry-after": "Mon, 99 Foo 2026 99:99:99 GMT"}, None),
            ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
            ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 86_400.0),
            ({"x-ratelimit-reset-requests": "6m0s"}, None),
            ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360.0),
            ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s", "retry-after": "3"}, 3.0),
        ],
    )
    def test_each_form(self, headers: Mapping[str, str], seconds: float | None) -> None:
        assert read_pause(headers) == seconds

    def test_a_date(self) -> None:
        seconds = read_pause({"retry-after": formatdate(time.time() + 60, usegmt=True)})
        assert seconds == pytest.approx(60, abs=2)

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        seconds = read_pause({"retry-after": text, "retry-after-ms": text})
        assert seconds is None or 0 <= seconds <= 86_400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1.0), ("6m0s", 360.0), ("20ms", 0.02), ("1h2m3.5s", 3723.5), ("7.66s", 7.66), ("2m59.56s", 179.56),
     ("12", 12.0),
     ("0", 0.0), ("99h", 86_400.0), ("1h20ms", 3600.02), ("1000000000", 0.0), ("2000-01-01T00:00:00Z", 0.0),
     ("9999-01-01T00:00:00Z", 86_400.0), ("", None), ("s", None), ("1x", None), ("-1s", None), ("1s2h", None)],
)  # fmt: skip
def test_durations_and_moments_are_read(text: str, seconds: float | None) -> None:
    assert read_moment(text) == pytest.approx(seconds)


@pytest.mark.parametrize("scale", [1, 1000])
def test_a_moment_may_be_counted_from_1970_in_seconds_or_milliseconds(scale: int) -> None:
    assert read_moment(f"{(time.time() + 60) * scale:.0f}") == pytest.approx(60, abs=2)


@given(st.text() | st.text("0123456789hms.:-TZ+"))
def test_any_text_is_a_moment_or_none(text: str) -> None:
    seconds = read_moment(text)
    assert seconds is None or 0 <= seconds <= 86_400


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit reached for model `m`. Please try again in 5.289s. Visit https://x.example", 5.289),
        ("Please try again in 20ms.", 0.02),
        ("Try again in 1m2s", 62.0),
        ("try again in a moment", None),
        ("", None),
    ],
)
def test_the_wish_in_a_complaint(message: str, seconds: float | None) -> None:
    assert read_wish(message) == pytest.approx(seconds)


class TestLimitsThatAreUsedUp:
    def test_none_is_while_something_is_left(self) -> None:
        assert read_reset({"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "1s"}) is None
        assert read_reset({}) is None

    def test_the_last_one_to_begin_anew_counts(self) -> None:
        headers = {
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "1s",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": "2s",
        }
        assert read_reset(headers) == 2.0
        assert read_reset(headers | {"x-ratelimit-remaining-tokens": "5"}) == 1.0

    def test_anthropics(self) -> None:
        reset = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
        headers = {"anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": reset}
        assert read_reset(headers) == pytest.approx(60, abs=2)
