"""Opens connections to one origin: name, TCP, where one is configured the proxy, and TLS."""

import base64
import ssl
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from sidecar.errors import SidecarError, UpstreamConnect
from sidecar.http_pool.connecting import connect
from sidecar.http_pool.failures import Cut, Unreachable
from sidecar.http_pool.names import Names
from sidecar.http_pool.parsing import ResponseParser
from sidecar.http_pool.private import is_public
from sidecar.http_pool.sockets import SocketStream, Stream
from sidecar.http_pool.tls import TlsStream
from sidecar.secret import Secret
from sidecar.unprinted import Unprinted

_PORTS = {"http": 80, "https": 443}


class Origin(Struct, frozen=True):
    """Where connections lead to: what of an address is not the path."""

    is_tls: bool
    host: str
    """A name in ASCII, or an address without brackets."""
    port: int

    @classmethod
    def of(cls, url: str) -> "Origin":
        """Return the origin of a URL of `http` or `https`."""
        parts = urlsplit(url)
        return cls.at(parts.scheme, parts.hostname or "", parts.port)

    @classmethod
    def at(cls, scheme: str, host: str, port: int | None) -> "Origin":
        """Return the origin of these parts of a URL; the port is the scheme's where there is none."""
        return cls(scheme == "https", host, port or _PORTS[scheme])

    @property
    def authority(self) -> str:
        """Host and port as CONNECT takes them."""
        return f"{self._bracketed}:{self.port}"

    @property
    def host_field(self) -> str:
        """The value of the header Host, which has no usual port."""
        return self._bracketed if self.port == _PORTS["https" if self.is_tls else "http"] else self.authority

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


class Proxy(Unprinted, frozen=True):
    """An HTTP proxy."""

    origin: Origin
    authorization: str | None
    """The value of the header Proxy-Authorization."""

    @classmethod
    def of(cls, url: Secret) -> "Proxy":
        """Return the proxy of a URL, before whose host a user's name and password may stand."""
        parts = urlsplit(url.reveal())
        authorization = None
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            authorization = "Basic " + base64.b64encode(pair.encode()).decode()
        return cls(Origin.of(url.reveal()), authorization)


class Dialer:
    """Opens connections. `context` is for TLS to wherever it is spoken, to a proxy too.

    `denies_private`: only addresses of the open internet are dialed, whatever a name leads to.
    """

    def __init__(
        self, names: Names, context: ssl.SSLContext, proxy: Proxy | None = None, *, denies_private: bool = False
    ) -> None:
        self._names = names
        self._context = context
        self.proxy = proxy
        self._denies_private = denies_private

    async def dial(self, origin: Origin) -> Stream:
        """Return a connection over which requests to `origin` can be sent.

        Raises:
            Unreachable: it did not come about, which may pass.
            SidecarError: it did not come about.
        """
        if self.proxy is None:
            return await self._secure(await self._connect(origin), origin)
        try:
            way = await self._connect(self.proxy.origin)
            stream = await self._secure(way, self.proxy.origin, peer="proxy", setting="SIDECAR_PROXY")
        except UpstreamConnect as exc:
            raise Unreachable("The proxy (SIDECAR_PROXY) could not be reached.") from exc
        if not origin.is_tls:
            return stream  # to which requests are sent as they are
        try:
            await _tunnel(stream, origin, self.proxy)
        except BaseException:
            stream.close()
            raise
        return await self._secure(stream, origin)

    async def _connect(self, origin: Origin) -> Stream:
        addresses = await self._names.look_up(origin.host)
        if self._denies_private:
            # What is looked at here is what is dialed: to look the name up again would let its owner say otherwise.
            addresses = [address for address in addresses if is_public(address[1])]
            if not addresses:
                raise UpstreamConnect("The provider's name leads to a private address (SIDECAR_DENY_PRIVATE).")
        return SocketStream(await connect(addresses, origin.port))

    async def _secure(
        self, stream: Stream, origin: Origin, *, peer: str = "provider", setting: str = "OPENAI_BASE_URL"
    ) -> Stream:
        """Put TLS over the stream where the origin speaks it."""
        if not origin.is_tls:
            return stream
        try:
            secured = TlsStream(stream, self._context, origin.host, peer=peer, setting=setting)
            await secured.shake_hands()
        except BaseException:
            stream.close()
            raise
        return secured


async def _tunnel(stream: Stream, origin: Origin, proxy: Proxy) -> None:
    lines = [f"CONNECT {origin.authority} HTTP/1.1", f"Host: {origin.authority}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    answer, early = ResponseParser(), b""
    try:
        stream.write("\r\n".join([*lines, "", ""]).encode("ascii"))
        await stream.flush()
        while answer.head is None:
            if not (came := await stream.receive()):
                raise Cut
            early = answer.feed(came)
    except Cut:
        raise Unreachable("The proxy (SIDECAR_PROXY) closed the connection.") from None
    except SidecarError:
        raise UpstreamConnect("The proxy (SIDECAR_PROXY) did not answer as one does.") from None
    if not 200 <= answer.head.status < 300 or early:
        raise proxy_refused()


def proxy_refused() -> UpstreamConnect:
    """Return what is told of a proxy that does not do what it was asked. Not its words: they may be anybody's."""
    return UpstreamConnect("The proxy (SIDECAR_PROXY) did not let the request through.")
