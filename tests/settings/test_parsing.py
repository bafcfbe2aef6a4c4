import grp
import os
import pwd
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.secret import Secret
from sidecar.settings import OPTIONS, TcpAddress, parsing
from sidecar.settings.parsing import Kind, Refused, one_of, seconds, whole_number

WHOLE = whole_number(1, 100)
SECONDS = seconds(0.01, 3600)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (WHOLE, "1", 1),
        (WHOLE, "100", 100),
        (WHOLE, "007", 7),
        (SECONDS, "0.05", 0.05),
        (SECONDS, "15", 15.0),
        (SECONDS, "3600", 3600.0),
        (one_of("debug", "info"), "INFO", "info"),
        (parsing.SWITCH, "on", True),
        (parsing.SWITCH, "True", True),
        (parsing.SWITCH, "OFF", False),
        (parsing.SWITCH, "false", False),
        (parsing.WORD, "Demo", "demo"),
        (parsing.MODEL, "meta/llama-3.1:8b@q4", "meta/llama-3.1:8b@q4"),
        (parsing.URL, "https://ai.example.org/api?version=1", "https://ai.example.org/api?version=1"),
        (parsing.URL, "http://[::1]:11434", "http://[::1]:11434"),
        (parsing.MODELS, "", ()),
        (parsing.MODELS, "*", ("*",)),
        (parsing.MODELS, "a, meta/llama-3.1:8b ,*", ("a", "meta/llama-3.1:8b", "*")),
        (parsing.PROXY, "http://proxy.example:3128", Secret("http://proxy.example:3128")),
        (parsing.PROXY, "https://me:pw@proxy.example/", Secret("https://me:pw@proxy.example/")),
        (parsing.PATH, "/a/b", Path("/a/b")),
        (parsing.PATH_OR_OFF, "off", "off"),
        (parsing.PATH_OR_OFF, "run/s.sock", Path("run/s.sock")),
        (parsing.MODE, "0660", 0o660),
        (parsing.MODE, "600", 0o600),
        (parsing.MODE, "0777", 0o777),
        (parsing.GROUP, "33", 33),
        (parsing.GROUP, grp.getgrgid(0).gr_name, 0),
        (parsing.USERS, "0", frozenset({0})),
        (parsing.USERS, f"{pwd.getpwuid(0).pw_name}, 33,4294967294", frozenset({0, 33, 2**32 - 2})),
    ],
)
def test_what_is_allowed_gives_its_value(kind: Kind, text: str, value: object) -> None:
    assert kind.parse(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((WHOLE, text) for text in ("0", "101", "-1", "+1", "1_0", "1.0", "1e1", "٣", "x", "9" * 5000)),
        *(
            (SECONDS, text)
            for text in ("0", "0.001", "3600.1", "-1", "nan", "inf", "1e3", ".5", "5.", "1,5", "9" * 5000)
        ),
        (one_of("debug", "info"), "trace"),
        *((parsing.SWITCH, text) for text in ("maybe", "2")),
        *((parsing.WORD, text) for text in ("2fast", "a b", "é", "x" * 65)),
        *((parsing.MODEL, text) for text in ("a b", "é", "x" * 129, "\udcff")),
        *(
            (parsing.URL, text)
            for text in ("example.org", "ftp://a", "https://", "https://a b", "https://ä.org", "file:///a")
        ),
        *(
            (parsing.URL, text)
            for text in ("http://[::1", "http://a:99999", "http://a:0", "https://k@a", "https://a#b")
        ),
        *((parsing.MODELS, text) for text in (",", "a,", "a b", "**", "a,é")),
        *(
            (parsing.PROXY, text)
            for text in ("proxy.example:3128", "socks5://a", "http://a/path", "http://a?b", "http://a#b", "http://ä")
        ),
        (parsing.PATH, "a\0b"),
        (parsing.PATH_OR_OFF, "a\0b"),
        *((parsing.MODE, text) for text in ("0577", "1777", "0o660", "0668", "rw", "00660")),
        *((parsing.GROUP, text) for text in ("4294967295", "no such group", "a\0b")),
        *((parsing.USERS, text) for text in ("4294967295", "0,no such user", "0,,1", "a\0b")),
    ],
)
def test_what_is_not_allowed_is_a_value_error(kind: Kind, text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        kind.parse(text)


def test_a_user_who_is_not_there_is_named_by_place() -> None:
    with pytest.raises(Refused, match=r"\Aentry 2: this machine knows no such name\Z"):
        parsing.USERS.parse(f"{os.geteuid()},canary")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("8081", TcpAddress("127.0.0.1", 8081)),
        ("0", TcpAddress("127.0.0.1", 0)),
        ("127.0.0.1:65535", TcpAddress("127.0.0.1", 65535)),
        ("127.9.8.7:1", TcpAddress("127.9.8.7", 1)),
        ("localhost:80", TcpAddress("127.0.0.1", 80)),
        ("[::1]:80", TcpAddress("::1", 80)),
        ("Off", None),
    ],
)
def test_tcp_listens_on_loopback_or_not_at_all(text: str, address: TcpAddress | None) -> None:
    assert parsing.TCP.parse(text) == address


@pytest.mark.parametrize("text", ["0.0.0.0:8081", "192.168.1.1:80", "8.8.8.8:80", "128.0.0.1:80"])
def test_tcp_refuses_what_other_machines_reach(text: str) -> None:
    with pytest.raises(Refused, match="other machines must not reach"):
        parsing.TCP.parse(text)


@pytest.mark.parametrize(
    "text",
    ["example.org:80", ":80", "127.1:80", "0177.0.0.1:80", "2130706433:80", "[::]:80", "[::ffff:127.0.0.1]:80",
     "::1:80", "[127.0.0.1]:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "127.0.0.1:８０"],
)  # fmt: skip
def test_tcp_refuses_every_other_spelling(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parsing.TCP.parse(text)


@pytest.mark.parametrize("kind", list(dict.fromkeys(option.kind for option in OPTIONS)), ids=lambda kind: kind.allowed)
def test_any_text_gives_a_value_or_a_value_error(kind: Kind) -> None:
    @given(st.text(alphabet=st.characters(exclude_categories=())))
    def check(text: str) -> None:
        with suppress(ValueError):
            kind.parse(text)

    check()
