"""A strict look at the head of a request, before h11 sees that. Pure: bytes in, a head or a refusal out.

h11 takes what a proxy in front could read otherwise: a bare line feed, a folded field, two lengths. Where two programs
read one stream of bytes differently, a request can be hidden in another one. So nothing passes here that nginx refuses.
"""

import re
from dataclasses import dataclass

from protocol.errors import Code
from sidecar.dialects.http.refused import Refused

MAX_HEAD_BYTES = 16 * 1024
MAX_LINE_BYTES = 8 * 1024
MAX_FIELDS = 64
MAX_TARGET_BYTES = 256

METHODS = frozenset({"GET", "HEAD", "POST", "DELETE"})

_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (\S+) HTTP/([0-9])\.([0-9])")
# No percent sign: no target of ours has one, and nginx refuses some that climb above the root by them.
_TARGET = re.compile(rb"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*(\?[A-Za-z0-9._~!$&'()*+,;=:@/?-]*)?")
# No tab: before a value nginx takes it for a part of that.
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\x00-\x1f\x7f]*)")
_LENGTH = re.compile(rb"[0-9]{1,10}")
_HOST = re.compile(rb"([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")

_ONCE = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization", b"connection", b"expect"}
    | {b"origin", b"referer", b"sec-fetch-site", b"last-event-id"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of a request. Names of fields are in small letters; of one that is repeated the first counts."""

    method: str
    path: str
    fields: dict[str, str]
    length: int | None
    """Bytes of the body; None: chunked."""
    is_old: bool
    """HTTP/1.0: it cannot be answered in chunks."""
    closes: bool
    """Whether the connection ends with the answer."""
    expects_continue: bool


class HeadGuard:
    """Looks at heads line by line as they come: what is wrong is refused before the rest is there."""

    def __init__(self) -> None:
        self._start_over()

    def _start_over(self) -> None:
        self._checked = 0
        self._request_line: re.Match[bytes] | None = None
        self._fields: list[tuple[bytes, bytes]] = []

    def next_head(self, buffer: bytearray) -> tuple[Head, bytes] | None:
        """Take the head at the beginning of `buffer` out of it, with its bytes; None while it is not whole.

        Raises:
            Refused: it is none that we take.
        """
        while (end := buffer.find(b"\n", self._checked)) >= 0:
            line = bytes(buffer[self._checked : end + 1])
            self._checked = end + 1
            self._check_line(line)
            if self._checked > MAX_HEAD_BYTES:
                raise _too_large(f"The head of a request has at most {MAX_HEAD_BYTES} bytes.")
            if line == b"\r\n":
                head = self._read()
                raw = bytes(buffer[: self._checked])
                del buffer[: self._checked]
                self._start_over()
                return head, raw
        self._check_rest(buffer[self._checked :])
        return None

    def _check_rest(self, rest: bytearray) -> None:
        """Look at a line that is not whole."""
        if len(rest) > MAX_LINE_BYTES:
            raise self._too_long()
        if b"\r" in rest[:-1] or b"\0" in rest:
            raise Refused("A line of the head has a carriage return or a zero byte within.")

    def _check_line(self, line: bytes) -> None:
        if len(line) > MAX_LINE_BYTES:
            raise self._too_long()
        if not line.endswith(b"\r\n"):
            raise Refused("A line of the head ends with CR LF; this one has LF only.")
        if self._request_line is None:
            self._request_line = _check_request_line(line[:-2])
        elif line != b"\r\n":
            field = _FIELD.fullmatch(line[:-2])
            if field is None:
                raise Refused("A line of the head is no field `name: value`.")
            self._fields.append((field[1].lower(), field[2].strip(b" ")))
            if len(self._fields) > MAX_FIELDS:
                raise _too_large(f"The head of a request has at most {MAX_FIELDS} fields.")

    def _too_long(self) -> Refused:
        if self._request_line is None:
            return Refused("The target is too long.", code=Code.TOO_LARGE, status=414)
        return _too_large(f"A line of the head has at most {MAX_LINE_BYTES} bytes.")

    def _read(self) -> Head:
        assert self._request_line is not None  # noqa: S101 - the first line was no empty one
        method, target, _, minor = (part.decode() for part in self._request_line.groups())
        is_old = minor == "0"
        fields: dict[str, str] = {}
        for name, value in self._fields:
            if name in _ONCE and name.decode() in fields:
                raise Refused(f"`{name.decode().title()}` stands there twice.")
            fields.setdefault(name.decode(), value.decode("latin-1"))
        host = fields.get("host")
        if host is None or not _HOST.fullmatch(host.encode("latin-1")):
            raise Refused("`Host` is missing, or is none.")
        if "upgrade" in fields:
            raise Refused("`Upgrade` is not served here.")
        keeps = _read_connection(fields.get("connection"))
        return Head(
            method=method,
            path=target.partition("?")[0],
            fields=fields,
            length=_read_length(fields, is_old=is_old),
            is_old=is_old,
            closes=is_old or not keeps,
            expects_continue=_read_expect(fields.get("expect"), is_old=is_old),
        )


def _check_request_line(line: bytes) -> re.Match[bytes]:
    found = _REQUEST_LINE.fullmatch(line)
    if found is None:
        raise Refused("This is no request line of HTTP/1.1.")
    method, target, major, minor = found.groups()
    if major != b"1" or minor not in (b"0", b"1"):
        raise Refused("Only HTTP/1.1 is spoken here.", code=Code.UNSUPPORTED, status=505)
    if method.decode() not in METHODS:
        allowed = ", ".join(sorted(METHODS))
        raise Refused("This method is not served here.", code=Code.UNSUPPORTED, status=405, allow=allowed)
    if len(target) > MAX_TARGET_BYTES:
        raise Refused(f"A target has at most {MAX_TARGET_BYTES} bytes.", code=Code.TOO_LARGE, status=414)
    if not _TARGET.fullmatch(target) or b"/.." in target:
        raise Refused("A target begins with a slash, and has no percent sign and no two dots in a row.")
    return found


def _read_length(fields: dict[str, str], *, is_old: bool) -> int | None:
    length, encoding = fields.get("content-length"), fields.get("transfer-encoding")
    if encoding is not None:
        if length is not None or is_old:
            raise Refused("`Transfer-Encoding` stands beside `Content-Length`, or in HTTP/1.0.")
        if encoding.lower() != "chunked":
            raise Refused("`Transfer-Encoding` may be `chunked` and nothing else.", code=Code.UNSUPPORTED)
        return None
    if length is None:
        return 0
    if not _LENGTH.fullmatch(length.encode("latin-1")):
        raise Refused("`Content-Length` is no number of at most ten digits.")
    return int(length)


def _read_connection(value: str | None) -> bool:
    """Return whether the client wants to keep the connection."""
    tokens = {"keep-alive"} if value is None else {token.strip().lower() for token in value.split(",")}
    if not tokens <= {"close", "keep-alive"}:
        raise Refused("`Connection` may be `close` or `keep-alive`.")
    return "close" not in tokens


def _read_expect(value: str | None, *, is_old: bool) -> bool:
    if value is None:
        return False
    if value.lower() != "100-continue":
        raise Refused("`Expect` may be `100-continue`.", code=Code.UNSUPPORTED, status=417)
    return not is_old


def _too_large(message: str) -> Refused:
    return Refused(message, code=Code.TOO_LARGE, status=431)
