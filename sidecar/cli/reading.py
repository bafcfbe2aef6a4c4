"""Texts that a person gives: files, or stdin."""

import os
from collections.abc import Sequence
from pathlib import Path

from sidecar.cli.advice import EX_DATAERR, EX_NOINPUT, EX_USAGE
from sidecar.cli.markup import SUFFIXES, read_html
from sidecar.cli.speaking import say
from sidecar.cli.starting import StartFailed
from sidecar.observability.redaction import escape

STDIN = "-"


def read_text(name: str, *, max_bytes: int) -> str:
    """Return the text of the file `name`, or of stdin for `-`, as UTF-8 without a byte order mark.

    Of a web page it is what there is to read.

    Raises:
        StartFailed: it cannot be read, is no text in UTF-8, has nothing in it, or more than `max_bytes`.
    """
    shown = "stdin" if name == STDIN else escape(name)
    if name == STDIN and os.isatty(0):
        say("reading the text from the terminal: Ctrl-D on a new line ends it")
    try:
        content = _read(name, max_bytes + 1)
    except OSError as exc:
        raise StartFailed(f"{shown} cannot be read: {exc.strerror}.", EX_NOINPUT) from exc
    if len(content) > max_bytes:
        raise StartFailed(f"{shown} has more than {max_bytes} bytes: give a part of it.", EX_DATAERR)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise StartFailed(
            f"{shown} is no text in UTF-8 (byte {exc.start + 1}). Text in another encoding: iconv -f LATIN1 -t UTF-8. "
            "A PDF: pdftotext.",
            EX_DATAERR,
        ) from None
    if name.lower().endswith(SUFFIXES):
        text = read_html(text)
    if not text.strip():
        raise StartFailed(f"{shown} is empty: there is nothing to work on.", EX_DATAERR)
    return text


def read_texts(names: Sequence[str], *, max_bytes: int) -> str:
    """Return the texts of several files, with a blank line between them; raises as `read_text`."""
    if names.count(STDIN) > 1:
        raise StartFailed("stdin can be read once only.", EX_USAGE)
    together = "\n\n".join(read_text(name, max_bytes=max_bytes) for name in names)
    if len(together.encode()) > max_bytes:
        raise StartFailed(f"The texts together have more than {max_bytes} bytes: give some of them.", EX_DATAERR)
    return together


def read_context(name: str | None, *, max_bytes: int) -> str | None:
    """Return the text of the file that `--context` names, None without one. Raises as `read_text`."""
    if name == STDIN:
        raise StartFailed("--context takes a file: stdin is for the text itself.", EX_USAGE)
    return None if name is None else read_text(name, max_bytes=max_bytes)


def _read(name: str, count: int) -> bytes:
    if name == STDIN:
        with open(0, "rb", closefd=False) as file:
            return file.read(count)
    with Path(name).open("rb") as file:
        return file.read(count)
