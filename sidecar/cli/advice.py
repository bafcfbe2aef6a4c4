"""What a person can do about each error, and with which exit status a command ends by it (sysexits.h)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from protocol.errors import Code

EX_USAGE = 64
EX_DATAERR = 65
EX_NOINPUT = 66
EX_UNAVAILABLE = 69
EX_SOFTWARE = 70
EX_IOERR = 74
EX_TEMPFAIL = 75
EX_PROTOCOL = 76
EX_NOPERM = 77
EX_CONFIG = 78
INTERRUPTED = 130
"""Ended by Ctrl-C, as shells write it."""
OUTPUT_CLOSED = 141
"""Whoever read our output has left: what SIGPIPE would have given."""

CONNECTION_LOST = "connection_lost"
"""Our own word beside the codes of the wire: the sidecar went away in the middle."""


class Advice(NamedTuple):
    """What to do, as a sentence, and the exit status."""

    todo: str
    exit_status: int


_LATER = Advice("Try again later.", EX_TEMPFAIL)
_REPORT = Advice("This is a bug: report it, with the lines of the log.", EX_SOFTWARE)
_VERSIONS = Advice("The sidecar that runs is of another version: restart it.", EX_PROTOCOL)

ADVICE: Mapping[str, Advice] = MappingProxyType(
    {
        **dict.fromkeys((Code.BAD_FRAME, Code.BAD_MESSAGE, Code.UNKNOWN_ACTION, Code.DUPLICATE_ID), _VERSIONS),
        Code.INVALID_PARAMETER: Advice("Correct what the message names.", EX_USAGE),
        Code.CONTEXT_TOO_LONG: Advice("Give it less text.", EX_DATAERR),
        Code.UNAUTHORIZED: Advice(
            "The token here is not that of the sidecar that runs: see SIDECAR_TOKEN and SIDECAR_TOKEN_FILE.", EX_NOPERM
        ),
        Code.FORBIDDEN: Advice(
            "Become a member of the socket's group, or have SIDECAR_ALLOWED_UIDS name you.", EX_NOPERM
        ),
        Code.NOT_FOUND: _REPORT,
        Code.TOO_LARGE: Advice("Give it less text.", EX_DATAERR),
        Code.RATE_LIMITED: _LATER,
        Code.UPSTREAM_RATE_LIMITED: Advice(
            "Try again later; if that does not help, look at the limits of the provider's account.", EX_TEMPFAIL
        ),
        Code.CANCELLED: Advice("Ask again if you still want to know.", EX_TEMPFAIL),
        Code.UNSUPPORTED: Advice("This version does not do it.", EX_UNAVAILABLE),
        Code.UPSTREAM_DNS: Advice(
            "Look for a slip in OPENAI_BASE_URL, then at the machine's name server (/etc/resolv.conf).", EX_TEMPFAIL
        ),
        Code.UPSTREAM_CONNECT: Advice(
            "See that the address and port in OPENAI_BASE_URL are right, that the provider runs, and that a firewall "
            "or a proxy (SIDECAR_PROXY) lets the connection through.",
            EX_TEMPFAIL,
        ),
        Code.UPSTREAM_TLS: Advice(
            "Name the provider as its certificate does (OPENAI_BASE_URL); where your own authority signed it, set "
            "SIDECAR_CA; see that the clock of this machine is right.",
            EX_UNAVAILABLE,
        ),
        Code.UPSTREAM_AUTH: Advice(
            "Check that OPENAI_API_KEY is the key of this provider, still valid, and its account paid for.",
            EX_UNAVAILABLE,
        ),
        Code.UPSTREAM_BAD_REQUEST: Advice(
            "Check OPENAI_MODEL and OPENAI_BASE_URL: the provider knows no such model or address, or wants to be asked "
            "otherwise.",
            EX_UNAVAILABLE,
        ),
        Code.UPSTREAM_PROTOCOL: Advice(
            "Check OPENAI_BASE_URL and SIDECAR_PROVIDER: what answers there does not speak this language.",
            EX_UNAVAILABLE,
        ),
        Code.UPSTREAM_ERROR: Advice("The provider has a problem of its own: try again later.", EX_TEMPFAIL),
        Code.TRUNCATED: Advice("What came is good as far as it goes: try again for the whole.", EX_TEMPFAIL),
        Code.OVERLOADED: _LATER,
        Code.DRAINING: Advice("The sidecar is being restarted: try again in a moment.", EX_TEMPFAIL),
        Code.NOT_CONFIGURED: Advice("Set OPENAI_API_KEY and OPENAI_MODEL where the sidecar runs.", EX_UNAVAILABLE),
        Code.TIMEOUT_CONNECT: Advice(
            "See whether the provider can be reached from this machine, or raise SIDECAR_TIMEOUT_CONNECT.", EX_TEMPFAIL
        ),
        Code.TIMEOUT_FIRST_TOKEN: Advice(
            "Try again later; a slow model may need a higher SIDECAR_TIMEOUT_FIRST_TOKEN.", EX_TEMPFAIL
        ),
        Code.TIMEOUT_IDLE: Advice("Try again later; a slow model may need a higher SIDECAR_TIMEOUT_IDLE.", EX_TEMPFAIL),
        Code.TIMEOUT_TOTAL: Advice(
            "Ask for less at once; a slow model may need a higher SIDECAR_TIMEOUT_TOTAL.", EX_TEMPFAIL
        ),
        Code.INTERNAL: _REPORT,
        CONNECTION_LOST: Advice("See whether the sidecar still runs: openai-moodle-sidecar doctor.", EX_TEMPFAIL),
    }
)

CUT_OFF: Mapping[str, Advice] = MappingProxyType(
    {
        "length": Advice(
            "The answer is cut off: it reached the most tokens that an answer may have (MAX_TOKENS, or the model's "
            "own limit).",
            EX_UNAVAILABLE,
        ),
        "filtered": Advice("The answer is cut off: the provider's filter stopped it.", EX_UNAVAILABLE),
        "refused": Advice("The model declined to answer.", EX_UNAVAILABLE),
    }
)
"""For the reasons for which an answer that ended is not whole."""


def advise(code: str) -> Advice:
    """Return what to do about an error; a code that we do not know counts as `internal`."""
    return ADVICE.get(code, _REPORT)
