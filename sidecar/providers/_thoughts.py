"""Drops what a model thinks where its server leaves that in the answer: `<think>...</think>` at its very start."""

from typing import Literal

_OPEN, _CLOSE = "<think>", "</think>"


class Thoughts:
    """Texts in, the answer out, however the tags are cut."""

    def __init__(self) -> None:
        self._at: Literal["start", "thought", "gap", "answer"] = "start"
        self._pending = ""
        """What may be the beginning of a tag."""

    @property
    def is_over(self) -> bool:
        """Whether the answer has begun: from then on every text is given as it is."""
        return self._at == "answer"

    def drop(self, text: str) -> str:
        """Return what of `text` belongs to the answer."""
        text, self._pending = self._pending + text, ""
        if self._at == "start":
            text = self._open(text)
        if self._at == "thought":
            text = self._close(text)
        if self._at == "gap" and (text := text.lstrip()):  # blank lines stand there
            self._at = "answer"
        return text

    def end(self) -> str:
        """Return what was kept back and is no tag after all."""
        kept, self._pending = (self._pending if self._at == "start" else ""), ""
        return kept

    def _open(self, text: str) -> str:
        start = text.lstrip()
        if start.startswith(_OPEN):
            self._at = "thought"
            return start.removeprefix(_OPEN)
        if _OPEN.startswith(start):
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
