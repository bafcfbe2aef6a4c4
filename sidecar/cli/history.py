"""What was said before in a conversation, as much of it as a request may carry."""

from protocol.messages import Turn

# A request takes 256 turns: SPEC.md, 3.2.
_MAX_EXCHANGES = 128


class History:
    """Questions with their answers, oldest first."""

    def __init__(self) -> None:
        self._exchanges: list[tuple[str, str]] = []

    def __len__(self) -> int:
        return len(self._exchanges)

    def add(self, question: str, answer: str) -> None:
        """Keep a question and what came of its answer; nothing where no word of that came."""
        if answer.strip():
            self._exchanges.append((question, answer))
            del self._exchanges[:-_MAX_EXCHANGES]

    def forget_half(self) -> None:
        """Forget the older half: the model cannot take in so much."""
        del self._exchanges[: (len(self._exchanges) + 1) // 2]

    def turns(self, *, max_bytes: int) -> tuple[Turn, ...]:
        """Return the latest turns that have at most so many bytes together."""
        kept: list[Turn] = []
        for question, answer in reversed(self._exchanges):
            max_bytes -= len(question.encode()) + len(answer.encode())
            if max_bytes < 0:
                break
            kept += (Turn(role="assistant", content=answer), Turn(role="user", content=question))
        return tuple(reversed(kept))
