"""What a provider says about its limits: how long to leave it alone, and how much of a limit is left.

Headers are asked for in small letters; whatever is not understood counts as not said.
"""

import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime

_MAX_SECONDS = 86_400.0
# Behind this a number of seconds is a moment, counted from 1970.
_EPOCH_SECONDS = 1_000_000_000.0

_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,9})?"
# 20ms, 1s, 6m0s, 1h2m3.5s.
_DURATION = rf"(?:({_NUMBER})h)?(?:({_NUMBER})m(?!s))?(?:({_NUMBER})s)?(?:({_NUMBER})ms)?"
_SECONDS_PER_PART = (3600.0, 60.0, 1.0, 0.001)
# OpenAI, Groq: "Please try again in 5.289s."
_WISH = r"(?i)try again in ([0-9hms.]{1,40})"

# How a limit's headers are called: OpenAI, Azure and Groq; Anthropic; OpenRouter and others, which have one limit.
_LIMITS = (
    *(("x-ratelimit-remaining-" + what, "x-ratelimit-reset-" + what) for what in ("requests", "tokens")),
    *(
        (f"anthropic-ratelimit-{what}-remaining", f"anthropic-ratelimit-{what}-reset")
        for what in ("requests", "tokens", "input-tokens", "output-tokens")
    ),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
)


def read_pause(headers: Mapping[str, str]) -> float | None:
    """Return for how many seconds a provider that refused wants to be left alone, or None where it does not say."""
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if re.fullmatch(_NUMBER, text := headers.get(name, "").strip()):
            return min(float(text) / 1000, _MAX_SECONDS)
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(_NUMBER, text):
        return min(float(text), _MAX_SECONDS)
    try:
        from email.utils import parsedate_to_datetime  # no provider writes dates; to import this takes 10 ms

        return _until(parsedate_to_datetime(text))
    except (ValueError, OverflowError, OSError):
        return read_reset(headers)


def read_reset(headers: Mapping[str, str]) -> float | None:
    """Return in how many seconds the last of the limits that are used up begins anew; None where none is."""
    used_up = [reset for left, reset in _LIMITS if re.fullmatch(r"0+", headers.get(left, "").strip())]
    waits = [wait for name in used_up if (wait := read_moment(headers.get(name, ""))) is not None]
    return max(waits, default=None)


def read_wish(message: str) -> float | None:
    """Return the seconds of "try again in 5.289s", which stands in some complaints."""
    match = re.search(_WISH, message[:1000])
    return read_moment(match[1].rstrip(".")) if match else None


def read_moment(text: str) -> float | None:
    """Return in how many seconds something is, written as a duration or as a moment; None where it is neither."""
    text = text.strip()
    if re.fullmatch(_NUMBER, text):
        seconds = float(text)
        return min(seconds if seconds < _EPOCH_SECONDS else max(_unix(seconds) - time.time(), 0.0), _MAX_SECONDS)
    if text and (duration := re.fullmatch(_DURATION, text)):
        return min(sum(_scale(duration.groups())), _MAX_SECONDS)
    try:
        return _until(datetime.fromisoformat(text))
    except (ValueError, OverflowError, OSError):
        return None


def _scale(parts: tuple[str | None, ...]) -> Iterator[float]:
    for part, seconds in zip(parts, _SECONDS_PER_PART, strict=True):
        yield float(part or 0) * seconds


def _unix(moment: float) -> float:
    """Return a moment in seconds; some count in milliseconds."""
    return moment / 1000 if moment > 1000 * _EPOCH_SECONDS else moment


def _until(moment: datetime) -> float:
    return min(max(moment.timestamp() - time.time(), 0.0), _MAX_SECONDS)
