"""What goes wrong at a provider, whatever its dialect: from its status and its words to one of our errors.

Of its words a person sees only what explains their own request, with secrets masked; of a refused key none at all.
"""

import re
from collections.abc import Callable, Mapping

from sidecar.errors import (
    ContextTooLong,
    SidecarError,
    UpstreamAuth,
    UpstreamBadRequest,
    UpstreamError,
    UpstreamNotFound,
    UpstreamProtocol,
    UpstreamRateLimited,
)
from sidecar.providers.rate_limits import read_pause, read_wish
from sidecar.providers.resilience import TryAgain
from sidecar.unprinted import Unprinted

Mask = Callable[[str], str]

MAX_MESSAGE_CHARACTERS = 500
# Masking looks at every character of what is left.
_MAX_RAW_CHARACTERS = 2000

# What may be over at the next try: too busy, restarting, a gateway without its server. 529 is "overloaded", 498 Groq's.
_PASSING = frozenset((408, 425, 498, *range(500, 600))) - {501, 505}

# These are texts, which `re` compiles when something went wrong, and not at each start.
# OpenAI; llama.cpp; vLLM (old and new); LM Studio; others that say it in the words of these.
_TOO_LONG = (
    r"(?i)context_length_exceeded|exceed_context_size|maximum context length|exceeds? the (available |maximum )?context"
    r"|context (length|size|window) (is |was )?exceeded|greater than the context length"
    r"|longer than the (maximum )?model('s)? (context )?length|prompt is too long"
    r"|reduce the length of the (messages|prompt|input)"
)
# OpenRouter, with 403: it is the text that is refused, and not the key.
_MODERATED = r"(?i)moderation|\bflagged\b"
# The words of OpenAI, Anthropic and those who speak like them, in `type` and `code`.
_STATUS_OF_KIND = (
    ("rate_limit|insufficient_quota|too_many_requests", 429),
    ("overloaded", 529),
    ("authentication|permission|invalid_api_key", 401),
    ("billing", 402),
    ("not_found", 404),
    ("invalid_request|bad_?request|request_too_large", 400),
)
_UNSEEN = "[\x00-\x20\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+"


class Complaint(Unprinted, frozen=True):
    """What a provider says is wrong; whatever it leaves out is empty."""

    message: str = ""
    kind: str = ""
    """Its `type` and `code`."""
    param: str = ""
    status: int | None = None
    """The status that a gateway passes on in `code`."""


def read_complaint(body: bytes) -> Complaint:
    """Return what is in the body of an error; nothing where it is no JSON."""
    import json  # not with each start: most answers are good

    try:
        content = json.loads(body)  # which takes halves of characters too
    except (ValueError, RecursionError):
        return Complaint()
    if isinstance(content, list) and content:  # Gemini
        content = content[0]
    if isinstance(content, dict):
        content = content.get("error") or content.get("detail") or content
    if isinstance(content, str):
        return Complaint(content)
    if not isinstance(content, dict):  # FastAPI's `detail`, a list of what is wrong
        return Complaint(json.dumps(content) if content else "")
    code = content.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else None
    message = content.get("message") or content.get("msg") or ""
    kind = " ".join(str(word)[:100] for word in (content.get("type"), code) if word)
    return Complaint(str(message), kind, str(content.get("param") or "")[:100], status)


def explain_status(status: int, headers: Mapping[str, str], body: bytes, mask: Mask) -> SidecarError | TryAgain:
    """Return the error for an answer that is not 200."""
    if status < 300:
        return UpstreamProtocol(f"The provider answered with status {status} instead of a text.")
    if status < 400:
        return UpstreamProtocol(
            f"The provider answered with a redirect (status {status}), which is not followed: OPENAI_BASE_URL must be "
            "the address that it points to."
        )
    complaint = read_complaint(body)
    message = _tidy(complaint.message, mask) if status in (400, 404, 422) else ""
    pause = read_pause(headers)
    error = _choose(status, complaint, message, read_wish(complaint.message) if pause is None else pause)
    if isinstance(error, TryAgain) and headers.get("x-should-retry") == "false":
        return error.error
    return error


def explain_event(body: bytes, mask: Mask) -> SidecarError | TryAgain:
    """Return the error for a complaint that came with status 200, instead of an answer or within it."""
    complaint = read_complaint(body)
    status = complaint.status or _guess_status(complaint)
    message = _tidy(complaint.message, mask) if status not in (401, 402, 403) else ""
    return _choose(status, complaint, message, read_wish(complaint.message))


def _guess_status(complaint: Complaint) -> int:
    kind = complaint.kind.lower()
    return next((status for pattern, status in _STATUS_OF_KIND if re.search(pattern, kind)), 500)


def _choose(status: int, complaint: Complaint, message: str, retry_after: float | None) -> SidecarError | TryAgain:
    if status == 403 and re.search(_MODERATED, complaint.message[:_MAX_RAW_CHARACTERS]):
        return UpstreamBadRequest("The provider's moderation refused the text (status 403).")
    if status in (401, 402, 403):
        what = "wants to be paid" if status == 402 else "refused the key"
        return UpstreamAuth(f"The provider {what} (status {status}). OPENAI_API_KEY and its account must be checked.")
    if re.search(_TOO_LONG, f"{complaint.kind} {complaint.message[:_MAX_RAW_CHARACTERS]}"):
        return ContextTooLong("The request is longer than the model can read. A shorter text or history may fit.")
    if status == 429:
        if "insufficient_quota" in complaint.kind:
            return UpstreamRateLimited("The provider's quota for this key is used up: its account must be checked.")
        return TryAgain(UpstreamRateLimited("The provider has too many requests.", retry_after=retry_after))
    said = f": {message}" if message else "."
    if status in _PASSING:
        return TryAgain(UpstreamError(f"The provider failed (status {status}){said}", retry_after=retry_after))
    if status >= 500:
        return UpstreamError(f"The provider failed (status {status}){said}")
    refusal = UpstreamNotFound if status == 404 else UpstreamBadRequest
    return refusal(f"The provider refused the request (status {status}){said}")


def _tidy(message: str, mask: Mask) -> str:
    """Return a provider's sentence on one line, without secrets, and no longer than a person reads."""
    return " ".join(re.sub(_UNSEEN, " ", mask(message[:_MAX_RAW_CHARACTERS])).split())[:MAX_MESSAGE_CHARACTERS]
