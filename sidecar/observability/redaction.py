"""What happens to a line of the log last: secrets become `***`, and what could forge or hide a line is escaped.

The second line of defence: the first is that nothing logs a secret.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

import msgspec

from sidecar.secret import Secret

_MASK = "***"
# Whoever sees a shorter piece of a secret has most of it still to guess.
_WINDOW = 12
# Shorter ones are words (Ollama's users write `ollama`): masking them would tell more than it hides.
_MIN_SECRET = 8

# Texts, which `re` compiles for the first line of the log: a child of stdio writes that behind its answer.
_LIKE_A_KEY = r"(?i)sk-[A-Za-z0-9_-]{8,}|(?<=\bbearer )\S+"

# C0, DEL and C1 steer terminals, U+2028/9 end a line for some readers, U+200E/F, U+061C and the rest of the bidi
# controls reorder what is seen, and a lone surrogate cannot be encoded.
_UNSAFE = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"


class Redaction:
    """Masks the secrets that it knows, in every form in which they could come into a text, and what looks like one."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        # By length, because a search takes one pass for each.
        self._pieces: dict[int, frozenset[str]] = {}
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret) -> None:
        """Mask `secret` from now on, unless it has fewer than 8 characters. Any thread may go on masking meanwhile."""
        text = secret.reveal()
        if len(text) < _MIN_SECRET:
            return
        pieces = dict(self._pieces)
        for form in _forms(text):
            length = min(len(form), _WINDOW)
            pieces[length] = pieces.get(length, frozenset()) | _windows(form, length)
        self._pieces = pieces

    def keep(self, secrets: Iterable[Secret]) -> None:
        """Mask these, and forget all others."""
        fresh = Redaction(secrets)
        self._pieces = fresh._pieces

    def mask(self, text: str) -> str:
        """Return `text` with `***` where a secret, or 12 characters of one, stood."""
        hidden = bytearray(len(text))
        for length, pieces in self._pieces.items():
            for start in range(len(text) - length + 1):
                if text[start : start + length] in pieces:
                    hidden[start : start + length] = b"\x01" * length
        if any(hidden):
            text = "".join(_mask_runs(text, hidden))
        return re.sub(_LIKE_A_KEY, _MASK, text)


def escape(text: str) -> str:
    r"""Return `text` as one harmless line: what is not to be seen as it is becomes `\xNN` or `\uNNNN`."""
    return re.sub(_UNSAFE, _escape_one, text)


def _escape_one(unsafe: re.Match[str]) -> str:
    code = ord(unsafe[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _mask_runs(text: str, hidden: bytearray) -> Iterator[str]:
    for run in re.finditer(rb"\x00+|\x01+", hidden):
        yield _MASK if hidden[run.start()] else text[run.start() : run.end()]


def _windows(form: str, length: int) -> frozenset[str]:
    return frozenset(form[start : start + length] for start in range(len(form) - length + 1))


def _forms(text: str) -> Iterator[str]:
    """Give `text` as it stands in a URL, in JSON, in a repr and, at any offset, in base64."""
    yield text
    for safe in ("", "/"):
        quoted = quote(text, safe=safe)
        yield from (quoted, re.sub("%..", lambda code: code[0].lower(), quoted))
    escaped = msgspec.json.encode(text).decode()[1:-1]
    yield from (escaped, escaped.replace("/", r"\/"), repr(text)[1:-1])
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + text.encode()).decode().rstrip("=")
        # Characters that also depend on what stands before or behind the secret.
        encoded = encoded[(0, 2, 3)[offset] :]
        if (len(text) + offset) % 3:
            encoded = encoded[:-1]
        yield from (encoded, encoded.translate(str.maketrans("+/", "-_")))
