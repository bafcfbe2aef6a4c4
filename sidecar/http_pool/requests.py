"""A request, and how it is written."""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from sidecar.http_pool.dialing import Origin, Proxy
from sidecar.unprinted import Unprinted

Header = tuple[bytes, bytes]

# What stands in a target as it is; with % because an address is encoded already.
_SAFE = "%/:?@!$&'()*+,;=~[]|\\^"


class Request(Unprinted, frozen=True, kw_only=True):
    """What is asked. Its repr shows no header: one of them has the key."""

    method: bytes = b"POST"

    origin: Origin
    target: bytes
    """Path and query."""
    headers: tuple[Header, ...]
    """All of them, Host and Content-Length too."""
    content: bytes

    @classmethod
    def to(cls, url: str, headers: Mapping[str, str], content: bytes) -> "Request":
        """Return a request to a URL in ASCII, with these headers, Host and Content-Length."""
        parts = urlsplit(url)
        origin = Origin.of(url)
        target = quote((parts.path or "/") + ("?" + parts.query if parts.query else ""), safe=_SAFE)
        fields = {"Host": origin.host_field, **headers, "Content-Length": str(len(content))}
        return cls(
            origin=origin,
            target=target.encode("ascii"),
            headers=tuple((name.encode("ascii"), value.encode("ascii")) for name, value in fields.items()),
            content=content,
        )

    def encode(self, proxy: Proxy | None) -> bytes:
        """Return the bytes to send; where the proxy only passes requests on, that is said to the proxy."""
        target, lines = self.target, [name + b": " + value for name, value in self.headers]
        if proxy is not None and not self.origin.is_tls:
            target = f"http://{self.origin.host_field}".encode() + target
            if proxy.authorization is not None:
                lines.append(b"Proxy-Authorization: " + proxy.authorization.encode())
        if any(b"\r" in line or b"\n" in line for line in lines) or len(target.split()) != 1:
            raise ValueError("a line's end within a header")  # and not which: it may be that of the key
        return b"\r\n".join([self.method + b" " + target + b" HTTP/1.1", *lines, b"", self.content])
