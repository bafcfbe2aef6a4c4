"""Files that a person gives, and why they are refused."""

from pathlib import Path

import pytest

from sidecar.cli.reading import read_context, read_text
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
