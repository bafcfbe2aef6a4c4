"""Where the records of TLS end in what comes. OpenSSL takes halves of them in, and does not tell of that."""

# Its type, its version, and in two bytes how long it is. RFC 8446, section 5.1.
_HEADER_BYTES = 5


class Records:
    """Bytes in, as they come; `is_between` says whether the last record is whole."""

    def __init__(self) -> None:
        self._header = b""
        self._left = 0

    @property
    def is_between(self) -> bool:
        """Whether nothing has come of a record whose rest is still to come."""
        return not (self._header or self._left)

    def feed(self, chunk: bytes) -> None:
        """Take what came."""
        if not (self._header or self._left) and int.from_bytes(chunk[3:_HEADER_BYTES]) == len(chunk) - _HEADER_BYTES:
            return  # one record, as it comes with each token
        at = 0
        while at < len(chunk):
            if self._left:
                step = min(self._left, len(chunk) - at)
                self._left -= step
                at += step
                continue
            header = self._header + chunk[at : at + _HEADER_BYTES - len(self._header)]
            at += len(header) - len(self._header)
            if len(header) == _HEADER_BYTES:
                self._left = int.from_bytes(header[3:])
                header = b""
            self._header = header
