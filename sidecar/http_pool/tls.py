"""TLS over a byte stream. With buffers of its own, not asyncio's, which take 300 KiB a connection."""

import math
import ssl
from collections.abc import Callable

from sidecar.errors import UpstreamTls
from sidecar.http_pool.failures import Cut, Unreachable
from sidecar.http_pool.records import Records
from sidecar.http_pool.sockets import RECEIVE_BYTES, Stream, Take

# OpenSSL's numbers, X509_V_ERR_...: nobody we trust vouches for the certificate.
_UNKNOWN_AUTHORITY = (18, 19, 20, 21)
# What only a strict check asks of an authority, as Python's own contexts make it from 3.13 on.
_STRICT = range(79, 96)

# In OpenSSL's names of the alerts of a peer that wants a certificate, which with TLS 1.3 come behind the hand-shake.
_REFUSALS = ("ALERT_CERTIFICATE", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "ALERT_ACCESS_DENIED")

_HINTS = {
    **dict.fromkeys(_UNKNOWN_AUTHORITY, " A home-made authority's certificate goes into SIDECAR_CA."),
    **dict.fromkeys(
        _STRICT,
        " The authority's own certificate lacks what strict checks ask for: have it made anew, with a key usage "
        "(keyCertSign), a key identifier and critical basic constraints.",
    ),
}


class TlsStream:
    """The client's side of TLS over `stream`, which it owns; to be used after `shake_hands`.

    `peer` and `setting` are for the words of errors: whom the stream leads to, and which setting says so.
    """

    def __init__(
        self,
        stream: Stream,
        context: ssl.SSLContext,
        host: str,
        *,
        peer: str = "provider",
        setting: str = "OPENAI_BASE_URL",
    ) -> None:
        self._stream = stream
        self._peer, self._setting = peer, setting
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        # As bytes: a text is put through a coder that takes 2 ms to load.
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host.encode("ascii"))
        self._records = Records()
        self._has_begun = False
        """Whether any content has come."""
        self._has_ended = False
        """Whether the peer has said that nothing follows."""
        self._is_ending = False
        """Whether there is an end to tell of, behind what was given last."""

    async def shake_hands(self) -> None:
        """Agree on keys, and check the certificate.

        Raises:
            UpstreamTls: it is not valid, or the peer does not speak TLS 1.2 or later.
            Unreachable: the connection broke.
        """
        try:
            while not self._step():
                await self._stream.flush()
                self._take(await self._stream.receive())
            await self._stream.flush()
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, Cut):
            raise Unreachable(f"The {self._peer} closed the connection within the TLS hand-shake.") from None
        except ssl.SSLError as exc:
            raise self._explain(exc) from None

    def _step(self) -> bool:
        """Go on with the hand-shake and say whether it is complete."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        else:
            return True
        finally:
            self._stream.write(self._outgoing.read())

    def receive_now(self) -> bytes | None:
        while (chunk := self._decrypt()) is None:
            if (came := self._stream.receive_now()) is None:
                return None
            self._take(came)
        return chunk

    async def receive(self, deadline: float = math.inf) -> bytes:
        while (chunk := self._decrypt()) is None:
            self._take(await self._stream.receive(deadline))
        return chunk

    async def receive_each(self, take: Take, deadline: Callable[[], float]) -> None:
        def decrypt(came: bytes) -> bool:
            self._take(came)
            return give()

        def give() -> bool:
            while (chunk := self._decrypt()) is not None:
                if take(chunk) or not chunk:
                    return True
                if not self._is_ending:
                    return False
            return False

        if not give():
            await self._stream.receive_each(decrypt, deadline)

    def _take(self, came: bytes) -> None:
        if came:
            self._records.feed(came)
            self._incoming.write(came)
        else:
            self._incoming.write_eof()

    def _decrypt(self) -> bytes | None:
        """Return all that can be read of what came, b"" at the end, None where more is needed.

        Raises:
            UpstreamTls: the peer does not want us.
            Cut: what came is no TLS, or ended without farewell.
        """
        texts: list[bytes] = []
        # Not until it wants more: an exception of OpenSSL's costs more than all the rest. A read takes a whole record.
        while (self._incoming.pending or self._incoming.eof) and not self._has_ended:
            try:
                text = self._tls.read(RECEIVE_BYTES)
            except ssl.SSLWantReadError:  # half a record, or what belongs to TLS itself
                break
            except ssl.SSLError as exc:  # the end without farewell among others
                self._is_ending = True
                if texts:
                    break  # it is raised again
                if not self._has_begun and any(word in (exc.reason or "") for word in _REFUSALS):
                    raise UpstreamTls(
                        f"The {self._peer} refused the connection by TLS ({self._setting}): "
                        "it may want a certificate of its clients, and the sidecar has none."
                    ) from exc
                raise Cut from exc
            if text:
                self._has_begun = True
                texts.append(text)
            else:
                self._is_ending = self._has_ended = True
        if self._outgoing.pending:  # an answer of TLS itself, as to new keys
            self._stream.write(self._outgoing.read())
        if texts:
            return texts[0] if len(texts) == 1 else b"".join(texts)
        return b"" if self._has_ended else None

    def write(self, chunk: bytes) -> None:
        try:
            self._tls.write(chunk)
        except ssl.SSLError as exc:
            raise Cut from exc
        self._stream.write(self._outgoing.read())

    @property
    def is_between(self) -> bool:
        return self._records.is_between

    @property
    def is_flushed(self) -> bool:
        return self._stream.is_flushed

    async def flush(self) -> None:
        await self._stream.flush()

    def close(self) -> None:
        self._stream.close()

    def _explain(self, exc: ssl.SSLError) -> UpstreamTls:
        if isinstance(exc, ssl.SSLCertVerificationError):
            # OpenSSL's words for what is wrong; they quote nothing but the name that was asked for.
            hint = _HINTS.get(exc.verify_code, "")
            return UpstreamTls(f"The {self._peer}'s certificate is not valid: {exc.verify_message}.{hint}")
        return UpstreamTls(f"The {self._peer} could not be reached by TLS 1.2 or later ({self._setting}).")
