"""Reads an answer in any dialect: bytes in, text out, then its end. No I/O.

text = answer.feed(came)    # and at the end of the bytes: answer.finish()
if answer.failure is not None: raise answer.failure
...
finish = answer.end()
"""

import logging

import msgspec
from msgspec import Raw

from protocol.messages import Usage
from sidecar.errors import SidecarError, UpstreamError, UpstreamProtocol
from sidecar.providers._halves import Halves
from sidecar.providers._thoughts import Thoughts
from sidecar.providers.dialect import Reading
from sidecar.providers.interface import Finish
from sidecar.providers.resilience import TryAgain
from sidecar.providers.sse import BOM, MAX_STREAM_BYTES, SseDecoder, SseTooLarge

logger = logging.getLogger(__name__)


class AnswerReader:
    """An answer as it comes, read by what its dialect makes of the events."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._sse = SseDecoder()
        self._is_json: bool | None = None
        """None until a byte was seen that tells."""
        self._body = bytearray()
        """All that came, until it is known to be events: JSON can only be read at its end."""
        self._blanks = 0
        """At least so many bytes of it are no beginning of anything: those are not looked at again."""
        self._halves = Halves()
        self._thoughts = Thoughts()
        self._has_text = False
        self.failure: SidecarError | TryAgain | None = None
        """What went wrong behind the text that was given last."""
        self.has_more_than_text = False
        """Whether an end, the model's or the provider's, or a failure has come."""

    @property
    def is_done(self) -> bool:
        """Whether the provider's last word has come; what follows it is ignored."""
        return self._reading.is_done

    @property
    def has_finished(self) -> bool:
        """Whether the model has ended its answer: from then on a broken connection loses nothing of it."""
        return self._reading.has_finished

    @property
    def awaits_last_word(self) -> bool:
        """Whether nothing but counts and the provider's last word is still to come."""
        return self._reading.awaits_last_word

    @property
    def counted(self) -> Usage | None:
        """What it has cost so far, where the provider counts as it writes."""
        return self._reading.counted

    @property
    def progress(self) -> int:
        """How often the model has said something, be it only thought."""
        return self._reading.progress

    def feed(self, came: bytes) -> str:
        """Return the text in what came, all deltas joined. What is wrong in it stands in `failure` afterwards."""
        if self._is_json is not False:
            came = self._collect(came)
        reading = self._reading
        text = ""
        self._sse.feed(came)
        try:
            while not reading.is_done and (event := self._sse.next_event()) is not None:
                text += reading.take_event(event)
        except SseTooLarge as exc:
            self.failure = _too_large(str(exc))
        except (SidecarError, TryAgain) as exc:
            self.failure = exc
        self.has_more_than_text = reading.is_done or reading.awaits_last_word or self.failure is not None
        return self._sift(text, is_last=reading.is_done)

    def finish(self) -> str:
        """Return the text that only the end of the bytes completes. As for `feed`, `failure` says what is wrong."""
        text = ""
        try:
            if self._is_json:
                text = self._reading.take_whole(bytes(self._body.removeprefix(BOM)))
            else:
                text = self._take_unterminated()
        except SseTooLarge as exc:
            self.failure = _too_large(str(exc))
        except (SidecarError, TryAgain) as exc:
            self.failure = exc
        self.has_more_than_text = True
        return self._sift(text, is_last=True)

    def end(self) -> Finish:
        """Return the end of the answer, after its last byte.

        Raises:
            UpstreamProtocol: there was none.
            Truncated: it has begun, and the provider's own end is missing.
            UpstreamError: it has no text, and nothing says why.
        """
        finish = self._reading.end()
        if not self._has_text:
            if finish.reason == "stop":
                # So LM Studio says that a text is too long for the model.
                raise UpstreamError("The provider ended its answer without a word; the text may be too long for it.")
            if finish.reason == "length":
                logger.warning("an answer has no text: thinking used all its tokens (MAX_TOKENS)")
        return finish

    def _collect(self, came: bytes) -> bytes:
        """Keep what is or may be JSON, which the first byte that is not blank tells; return what are events."""
        self._body += came
        if len(self._body) > MAX_STREAM_BYTES:
            self.failure = _too_large(f"it has more than {MAX_STREAM_BYTES} bytes")
        if self._is_json or BOM.startswith(self._body):
            return b""
        if not self._blanks and self._body.startswith(BOM):
            self._blanks = len(BOM)
        start = self._body[self._blanks :].lstrip()[:1]
        if not start:
            self._blanks = len(self._body)
        elif start == b"<":
            self.failure = UpstreamProtocol("The provider answered with a web page (OPENAI_BASE_URL).")
        else:
            self._is_json = start in b"{["
        return bytes(self._body) if self._is_json is False else b""

    def _take_unterminated(self) -> str:
        """Take an event that lacks its blank line, as some servers leave the last one; half of one is dropped."""
        event = None if self._reading.is_done else self._sse.finish()
        if event is None or not _is_whole(event.data):
            return ""
        logger.debug("an answer ends without a blank line behind its last event")
        return self._reading.take_event(event)

    def _sift(self, text: str, *, is_last: bool) -> str:
        """Return what of a text is to be seen: whole characters, and no thoughts."""
        text = self._halves.join(text)
        if is_last:
            text += self._halves.end()
        if not self._thoughts.is_over:
            text = self._thoughts.drop(text)
            if is_last:
                text += self._thoughts.end(has_stopped=self._has_stopped())
        self._has_text = self._has_text or bool(text)
        return text

    def _has_stopped(self) -> bool:
        try:
            return self.failure is None and self._reading.end().reason == "stop"
        except SidecarError:
            return False


def _is_whole(content: bytes) -> bool:
    if content.strip() == b"[DONE]":
        return True
    try:
        msgspec.json.decode(content, type=Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _too_large(what: str) -> UpstreamProtocol:
    return UpstreamProtocol(f"The provider's answer is too large: {what}.")
