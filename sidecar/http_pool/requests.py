"""A request, and how it is written."""

from dataclasses import dataclass, field

from sidecar.http_pool.dialing import Origin, Proxy

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A POST. Its repr shows no header: one of them has the key."""

    origin: Origin
    target: bytes = field(repr=False)
    """Path and query."""
    headers: tuple[Header, ...] = field(repr=False)
    """All of them, Host and Content-Length too."""
    content: bytes = field(repr=False)

    def encode(self, proxy: Proxy | None) -> bytes:
        """Return the bytes to send; where the proxy only passes requests on, that is said to the proxy."""
        target, lines = self.target, [name + b": " + value for name, value in self.headers]
        if proxy is not None and not self.origin.is_tls:
            target = f"http://{self.origin.host_field}".encode() + target
            if proxy.authorization is not None:
                lines.append(b"Proxy-Authorization: " + proxy.authorization.encode())
        if any(b"\r" in line or b"\n" in line for line in lines) or len(target.split()) != 1:
            raise ValueError("a line's end within a header")  # and not which: it may be that of the key
        return b"\r\n".join([b"POST " + target + b" HTTP/1.1", *lines, b"", self.content])
