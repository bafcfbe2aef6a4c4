"""Joins characters that a provider cut in two: JSON may hold half of one, `\\ud83d`, and its other half comes later."""

import re


class Halves:
    """Texts in, whole texts out. The last half may wait for the next text."""

    def __init__(self) -> None:
        self._half = ""

    def join(self, text: str) -> str:
        """Return `text` with what waited before it; a half whose other one does not come becomes U+FFFD."""
        if not self._half and (text.isascii() or not re.search("[\ud800-\udfff]", text)):
            return text
        if not text:
            return ""
        text, self._half = self._half + text, ""
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def end(self) -> str:
        """Return what stands for a half that was left alone at the end."""
        lost, self._half = self._half, ""
        return "\ufffd" if lost else ""
