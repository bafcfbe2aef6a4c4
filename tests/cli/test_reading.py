"""Files that a person gives, and why they are refused."""

import sys
from pathlib import Path

import pytest

from sidecar.cli.reading import read_context, read_text, read_texts
from sidecar.cli.starting import StartFailed


def test_a_file_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"\xef\xbb\xbfGr\xc3\xbc\xc3\x9fe\r\n")
    assert read_text(str(tmp_path / "text"), max_bytes=12) == "Grüße\r\n"


@pytest.mark.parametrize(
    ("name", "content", "exit_status", "said"),
    [
        ("none", None, 66, "none cannot be read: No such file or directory."),
        ("", None, 66, " cannot be read: Is a directory."),
        ("latin", "Grüße".encode("latin-1"), 65, "latin is no text in UTF-8 (byte 3)."),
        ("empty", b"", 65, "empty is empty"),
        ("blank", b" \n", 65, "blank is empty"),
        ("large", b"a" * 1001, 65, "large has more than 1000 bytes"),
        ("esc\x1b[2J", b"", 65, r"esc\x1b[2J is empty"),
    ],
)
def test_what_will_not_do_is_refused(
    tmp_path: Path, name: str, content: bytes | None, exit_status: int, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(StartFailed) as refusal:
        read_text(str(tmp_path / name), max_bytes=1000)
    assert refusal.value.exit_status == exit_status
    assert said in str(refusal.value)
    assert str(refusal.value).isprintable()


def test_a_context_is_a_file_or_none(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("A page.")
    assert read_context(None, max_bytes=100) is None
    assert read_context(str(tmp_path / "page"), max_bytes=100) == "A page."
    with pytest.raises(StartFailed, match="stdin is for the text itself") as refusal:
        read_context("-", max_bytes=100)
    assert refusal.value.exit_status == 64


def test_several_files_are_one_text(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"Text {name}.\n")
    names = [str(tmp_path / "one"), str(tmp_path / "two")]
    assert read_texts(names, max_bytes=100) == "Text one.\n\n\nText two.\n"
    with pytest.raises(StartFailed, match="together have more than 20 bytes") as refusal:
        read_texts(names, max_bytes=20)
    assert refusal.value.exit_status == 65
    with pytest.raises(StartFailed, match="stdin can be read once only"):
        read_texts(["-", "-"], max_bytes=100)


PAGE = """<!doctype html><html><head><title>x</title><style>p {}</style><script>alert(1)</script></head><body>
<h1>Primes</h1><p>A <b>prime</b> has <a href="https://example.org/">two</a> divisors.<img src="x.png" alt=""></p>
<ul><li>2</li><li>3 &amp; 5</li></ul></body></html>"""


@pytest.mark.parametrize("name", ["page.html", "PAGE.HTM"])
def test_of_a_web_page_it_is_what_there_is_to_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(PAGE)
    read = read_text(str(tmp_path / name), max_bytes=1000)
    assert read.split() == "# Primes A prime has two divisors. * 2 * 3 & 5".split()
    assert read.startswith("# Primes\n\n")


def test_a_web_page_without_a_word_is_empty(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<script>alert(1)</script>")
    with pytest.raises(StartFailed, match=r"page\.html is empty"):
        read_text(str(tmp_path / "page.html"), max_bytes=1000)


def test_without_the_library_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.html").write_text(PAGE)
    monkeypatch.setitem(sys.modules, "html2text", None)
    with pytest.raises(StartFailed, match="pip install html2text") as refusal:
        read_text(str(tmp_path / "page.html"), max_bytes=1000)
    assert refusal.value.exit_status == 69
