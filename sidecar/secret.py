"""A key or a token, held so that it cannot be shown by accident."""

import hashlib
import hmac
from typing import NoReturn, Self, SupportsIndex

_MAX_CHARACTERS = 512


class InvalidSecret(ValueError):
    """A text is no secret; the message does not show it."""

    def __init__(self) -> None:
        super().__init__("a secret has 1 to 512 printable ASCII characters and no blanks")


class Secret:
    """A secret text. Only `reveal` gives it; repr, str, format and copy do not, and pickle is refused."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Take `text` without the white space behind it, with which files of secrets end.

        Raises:
            InvalidSecret: what is left could not stand in an HTTP header.
        """
        text = text.rstrip()
        if not (0 < len(text) <= _MAX_CHARACTERS and text.isascii() and text.isprintable() and " " not in text):
            raise InvalidSecret
        self._text = text

    def reveal(self) -> str:
        """Return the secret itself: for the header or the file that it belongs in, and for nothing else."""
        if not self._text:
            raise RuntimeError("a secret was asked for that is forgotten")
        return self._text

    def forget(self) -> None:
        """Keep the text no longer: nobody needs it any more. To reveal it then is a bug."""
        self._text = ""

    def matches(self, candidate: str) -> bool:
        """Say whether `candidate` is the secret, in a time that tells nothing about it, its length included."""
        return hmac.compare_digest(_digest(self._text), _digest(candidate))

    def __eq__(self, other: object) -> bool:
        return self.matches(other._text) if isinstance(other, Secret) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a look-up by hash takes a time that tells something

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("A secret is not pickled.")


def _digest(text: str) -> bytes:
    """Bring texts of any length and alphabet, lone surrogates included, to one length."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
