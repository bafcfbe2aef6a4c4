"""One request on one connection, in frames, seen from the client. SPEC.md, sections 2 to 5."""

from collections.abc import AsyncGenerator
from contextlib import suppress

import anyio

from protocol import codec
from protocol.errors import ProtocolError, UnknownEvent
from protocol.framing import FrameDecoder, encode_frame
from protocol.messages import Answer, Done, Error, Event, Failure, Heartbeat, Request, Success
from sidecar.session import ByteStream, PeerGone


class SidecarGone(Exception):
    """A sidecar cannot be reached, has left, or is none; `str()` is a sentence."""


class NotRunning(SidecarGone):
    """Nothing listens there."""


class Connection:
    """A connection for one request after the other. The stream is the caller's to close."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._decoder = FrameDecoder()

    async def send(self, request: Request) -> None:
        """Send a request. Where the other side takes no more of it, `receive` tells why."""
        rest = memoryview(encode_frame(codec.encode(request)))
        try:
            while rest:
                rest = rest[await self._stream.send_some(rest) :]
        except PeerGone:
            pass

    async def receive(self) -> Event:
        """Wait for the next event that this version knows; a plain refusal comes as the event `error`.

        Raises:
            SidecarGone: there will be none, or what came is not of this protocol.
        """
        message: Event | Answer | None = None
        while message is None:
            try:
                payload = await self._receive_payload()
                with suppress(UnknownEvent):
                    message = codec.decode_reply(payload)
            except PeerGone:
                raise SidecarGone("The connection to the sidecar is broken.") from None
            except ProtocolError:
                raise SidecarGone("What answers there does not speak this protocol.") from None
        if isinstance(message, Failure):
            return Error(code=message.code, message=message.error, retry_after=message.retry_after)
        if isinstance(message, Success):
            raise SidecarGone("What answers there does not speak this protocol.")
        return message

    async def _receive_payload(self) -> bytes:
        while (payload := self._decoder.next_payload()) is None:
            chunk = await self._stream.receive()
            if not chunk:
                raise SidecarGone("The sidecar has closed the connection.")
            self._decoder.feed(chunk)
        return payload

    async def events(self, *, silence_seconds: float) -> AsyncGenerator[Event, None]:
        """Give the events of the request that was sent, up to and with its end, without heartbeats.

        Raises:
            SidecarGone: as `receive`; or nothing at all came for `silence_seconds`.
        """
        is_over = False
        while not is_over:
            try:
                with anyio.fail_after(silence_seconds):
                    event = await self.receive()
            except TimeoutError:
                raise SidecarGone(f"The sidecar has said nothing for {silence_seconds:g} s.") from None
            is_over = isinstance(event, Done | Error)
            if not isinstance(event, Heartbeat):
                yield event
