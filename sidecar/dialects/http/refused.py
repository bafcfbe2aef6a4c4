"""What is wrong with a request as HTTP; the connection ends with it."""

from protocol.errors import STATUS, Code, ProtocolError


class Refused(ProtocolError):
    """A request is answered with `status`, and nothing behind it on its connection is looked at.

    `status` is HTTP's own where that is more exact than the one that goes with `code`.
    """

    def __init__(
        self, message: str, *, code: Code = Code.BAD_FRAME, status: int | None = None, allow: str = ""
    ) -> None:
        """`allow`: the methods that would have been served."""
        super().__init__(message)
        self.code = code
        self.status = STATUS[code] if status is None else status
        self.fields = {"Allow": allow} if allow else {}
