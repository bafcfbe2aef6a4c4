"""Drops what a model thinks where its server leaves that in the answer: `<think>...</think>` at its very start."""

from typing import Literal

_OPEN, _CLOSE = "<think>", "</think>"

# Longer than any answer that only begins with the tag as with a word, or than the blanks before a tag.
MAX_CHARS = 64 * 1024


class Thoughts:
    """Texts in, the answer out, however the tags are cut."""

    def __init__(self) -> None:
        self._at: Literal["start", "thought", "gap", "answer"] = "start"
        self._pending = ""
        """What may be the beginning of a tag."""
        self._came: list[str] = []
        """All until the thought is closed, no more than MAX_CHARS: then it is a thought for certain."""
        self._chars = 0

    @property
    def is_over(self) -> bool:
        """Whether the answer has begun: from then on every text is given as it is."""
        return self._at == "answer"

    def drop(self, text: str) -> str:
        """Return what of `text` belongs to the answer."""
        self._keep(text)
        text, self._pending = self._pending + text, ""
        if self._at == "start":
            text = self._open(text)
        if self._at == "thought":
            text = self._close(text)
        if self._at == "gap" and (text := text.lstrip()):  # blank lines stand there
            self._at = "answer"
        return text

    def end(self, *, has_stopped: bool) -> str:
        """Return what was kept back and is no thought after all.

        Where the model has ended by itself within what it never closed, it wrote of the tag and did not think.
        """
        is_answer = self._at == "start" or (self._at == "thought" and has_stopped)
        kept = "".join(self._came) if is_answer else ""
        self._came.clear()
        return kept

    def _keep(self, text: str) -> None:
        self._chars += len(text)
        if self._chars <= MAX_CHARS:
            self._came.append(text)
        else:
            self._came.clear()

    def _open(self, text: str) -> str:
        start = text.lstrip()
        if start.startswith(_OPEN):
            self._at = "thought"
            return start.removeprefix(_OPEN)
        if _OPEN.startswith(start) and len(text) <= MAX_CHARS:
            self._pending = text
            return ""
        self._at = "answer"
        return text

    def _close(self, text: str) -> str:
        thought, found, rest = text.partition(_CLOSE)
        if found:
            self._at = "gap"
            return rest
        self._pending = thought[-len(_CLOSE) + 1 :]
        return ""
