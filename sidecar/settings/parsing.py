"""From the text of a setting to its value. A `Kind` parses, and says in words what it takes."""

import grp
import ipaddress
import pwd
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit

import msgspec

from protocol import messages
from sidecar.secret import Secret

# The largest is "no id" to the kernel.
_MAX_ID = 2**32 - 2


class Refused(ValueError):
    """A text is not allowed; `str()` says why and never quotes it: it could be a secret in the wrong place."""


class Kind(msgspec.Struct, frozen=True):
    """What the text of a setting may be."""

    parse: Callable[[str], object]
    """Gives the value. Raises Refused for a reason worth saying, another ValueError otherwise."""
    allowed: str
    """Ends the sentence "SIDECAR_X must be ..."."""
    bounds: str = ""
    """The range of a number, for the table."""


class TcpAddress(NamedTuple):
    """Where to listen: a loopback address and a port, 0 for any free one."""

    host: str
    port: int


def whole_number(low: int, high: int) -> Kind:
    def parse(text: str) -> int:
        # int() alone would take "1_000", "+1" and other scripts' digits.
        if not re.fullmatch(r"[0-9]{1,15}", text) or not low <= int(text) <= high:
            raise ValueError
        return int(text)

    return Kind(parse, f"a whole number from {low} to {high}", f"{low} to {high}")


def seconds(low: float, high: float) -> Kind:
    def parse(text: str) -> float:
        # float() alone would take "nan", "inf" and "1e9".
        if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,15})?", text) or not low <= float(text) <= high:
            raise ValueError
        return float(text)

    return Kind(parse, f"a number from {low:g} to {high:g}", f"{low:g} to {high:g}")


def one_of(*words: str) -> Kind:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError
        return text.lower()

    return Kind(parse, f"{', '.join(words[:-1])} or {words[-1]}")


def _parse_switch(text: str) -> bool:
    # YAML makes true and false of an unquoted on and off.
    if text.lower() in ("on", "true", "yes", "1"):
        return True
    if text.lower() in ("off", "false", "no", "0"):
        return False
    raise ValueError


def _parse_word(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", text.lower()):
        raise ValueError
    return text.lower()


def _parse_model(text: str) -> str:
    try:
        return msgspec.convert(text, messages.Model)
    except msgspec.ValidationError:
        raise ValueError from None


def _parse_models(text: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",")] if text else []
    return tuple(name if name == "*" else _parse_model(name) for name in names)


def _parse_fallbacks(text: str) -> tuple[Path | str, ...]:
    entries = [entry.strip() for entry in text.split(",")] if text else []
    return tuple(_parse_path(entry) if entry.endswith(".env") else _parse_model(entry) for entry in entries)


def _split_url(text: str) -> SplitResult:
    if not re.fullmatch(r"[\x21-\x7e]{1,2048}", text):
        raise ValueError
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname or url.port == 0:
        raise ValueError
    return url


def _parse_url(text: str) -> str:
    url = _split_url(text)
    if "@" in url.netloc:
        raise Refused("a key belongs in OPENAI_API_KEY")
    if "#" in text:
        raise Refused("a fragment is never sent")
    return text


def _parse_proxy(text: str) -> Secret:
    url = _split_url(text)
    if url.path not in ("", "/") or "?" in text or "#" in text:
        raise ValueError
    return Secret(text)


def _parse_path(text: str) -> Path:
    if "\0" in text:
        raise ValueError
    return Path(text)


def _parse_path_or_off(text: str) -> Path | Literal["off"]:
    return "off" if text.lower() == "off" else _parse_path(text)


def _parse_mode(text: str) -> int:
    mode = int(text, 8) if re.fullmatch(r"0?[0-7]{3}", text) else 0
    if mode < 0o600:
        raise ValueError
    return mode


def _parse_group(text: str) -> int:
    return _parse_id(text, lambda name: grp.getgrnam(name).gr_gid)


def _parse_users(text: str) -> frozenset[int]:
    uids = set()
    for place, entry in enumerate(text.split(","), start=1):
        try:
            uids.add(_parse_id(entry.strip(), lambda name: pwd.getpwnam(name).pw_uid))
        except Refused as exc:
            raise Refused(f"entry {place}: {exc}") from None
    return frozenset(uids)


def _parse_id(text: str, id_of: Callable[[str], int]) -> int:
    if re.fullmatch(r"[0-9]{1,10}", text):
        if int(text) > _MAX_ID:
            raise Refused(f"a number is at most {_MAX_ID}")
        return int(text)
    try:
        return id_of(text)
    except KeyError:
        raise Refused("this machine knows no such name") from None


def _parse_tcp(text: str) -> TcpAddress | None:
    """Give None for `off`. `localhost` becomes 127.0.0.1, so that no resolver decides where we listen."""
    if text.lower() == "off":
        return None
    parts = re.fullmatch(r"(?:(?P<host>[^:\[\]]*|\[::1\]):)?(?P<port>[0-9]{1,5})", text)
    if not parts or int(parts["port"]) > 65535:
        raise ValueError
    host = parts["host"]
    if host is None or host.lower() == "localhost":
        host = "127.0.0.1"
    elif host == "[::1]":
        return TcpAddress("::1", int(parts["port"]))
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        raise Refused("another name than localhost could come to mean another machine") from None
    if not address.is_loopback:
        raise Refused("other machines must not reach the sidecar")
    return TcpAddress(host, int(parts["port"]))


SWITCH = Kind(_parse_switch, "on or off")
WORD = Kind(_parse_word, "a word of lower-case letters, digits, - and _")
MODEL = Kind(_parse_model, "a model's name: up to 128 letters, digits and . _ : / @ -")
MODELS = Kind(_parse_models, "names of models with commas between them, or *")
FALLBACKS = Kind(_parse_fallbacks, "names of models and files whose names end in .env, with commas between them")
URL = Kind(_parse_url, "an http:// or https:// address in ASCII, without a user's name and fragment")
PROXY = Kind(
    _parse_proxy, "http:// or https://, a host and a port; before the host a user's name and password may stand"
)
SECRET = Kind(Secret, "1 to 512 printable ASCII characters without blanks")
PATH = Kind(_parse_path, "a path")
PATH_OR_OFF = Kind(_parse_path_or_off, "a path, or off")
MODE = Kind(_parse_mode, "an octal mode from 0600 to 0777")
GROUP = Kind(_parse_group, "the name or the number of a group")
USERS = Kind(_parse_users, "names or numbers of users, with commas between them")
TCP = Kind(_parse_tcp, "a port, host:port with a host of loopback (127.0.0.0/8, [::1], localhost), or off")
