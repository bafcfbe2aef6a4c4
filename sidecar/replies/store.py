"""All replies of the process and the rules by which they come, are found, are kept and go. No task, no I/O.

`now` is given by the caller, in seconds of a clock that only goes forward. SPEC.md, sections 7 and 9.
"""

import secrets
from collections import OrderedDict

from msgspec.structs import replace

from sidecar.errors import Cancelled, InvalidParameter, NotFound, Overloaded, SidecarError, TooLarge
from sidecar.providers.interface import Prompt
from sidecar.replies.log import End
from sidecar.replies.opening import Opening, ReplyLimits
from sidecar.replies.reply import Call, Reply

# What a reply takes beside its text: its object, its call's, their entries in tables. It makes empty replies count.
REPLY_OVERHEAD_BYTES = 2048

_RETRY_AFTER_SECONDS = 2.0


class ReplyStore:
    """Finds and keeps replies. Whoever opens or attaches must `leave` once."""

    def __init__(self, limits: ReplyLimits) -> None:
        self._limits = limits
        self._replies: dict[str, Reply] = {}
        self._keys: dict[tuple[str | None, str], Reply] = {}
        self._shared: dict[str, Call] = {}  # those that run, and those that are cached
        self._cached: OrderedDict[str, Call] = OrderedDict()  # by their deadlines, as the tables below
        self._lonely: dict[str, Reply] = {}  # running, detached, without readers
        # In the order of the deadlines, because all have the same time from the moment they enter it.
        # OrderedDict: the first is found at once, however many before it have gone.
        self._finished: OrderedDict[str, Reply] = OrderedDict()  # ended
        self.running: set[Call] = set()
        self.total_bytes = 0
        self.prompt_bytes = 0

    def __len__(self) -> int:
        return len(self._replies)

    @property
    def cached(self) -> int:
        """How many answers are kept for whoever asks the same."""
        return len(self._cached)

    def open(self, prompt: Prompt, opening: Opening, now: float) -> tuple[Reply, Call | None]:
        """Return the reply for a request, already attached, and the call to start where there was none to share.

        Raises:
            InvalidParameter: the key stands for another request.
            Overloaded: too many calls, or no room for another log.
            SidecarError: a call would be needed that cannot be paid.
        """
        key = (opening.user_id, opening.key) if opening.key is not None else None
        if key is not None and (known := self._keys.get(key)) is not None:
            if known.fingerprint != opening.fingerprint:
                raise InvalidParameter("`key` was used for another request within the last minutes.")
            self.attach(known)
            return known, None
        share_key = opening.fingerprint if opening.may_share else None
        call = self._find_shared(share_key, now)
        is_shared = call is not None
        if call is None:
            call = self._new_call(prompt, share_key, opening)
        elif opening.booking is not None:
            opening.booking.share()
        reply_id = "r_" + secrets.token_urlsafe(16)
        reply = Reply(reply_id, call, user_id=opening.user_id, is_detached=opening.is_detached, is_shared=is_shared)
        reply.key, reply.fingerprint, reply.grace_seconds = key, opening.fingerprint, opening.grace_seconds
        call.replies.add(reply)
        self._replies[reply.id] = reply
        self.total_bytes += REPLY_OVERHEAD_BYTES
        if key is not None:
            self._keys[key] = reply
        self.attach(reply)
        if not call.is_running:
            self._settle(reply, now)
        return reply, None if is_shared else call

    def _find_shared(self, share_key: str | None, now: float) -> Call | None:
        """Return the call that answers the same, with room for one more reply."""
        self._drop_stale(now)
        if share_key is None or share_key not in self._shared:
            return None
        self._make_room(REPLY_OVERHEAD_BYTES)
        return self._shared.get(share_key)  # the room may have been its own

    def _new_call(self, prompt: Prompt, share_key: str | None, opening: Opening) -> Call:
        if len(self.running) >= self._limits.max_running:
            raise Overloaded(
                f"{self._limits.max_running} replies are being written, which is the most that may be at once "
                "(SIDECAR_MAX_RUNNING).",
                retry_after=_RETRY_AFTER_SECONDS,
            )
        call = Call(prompt, share_key=share_key, spent=opening.spent)
        if self.prompt_bytes + call.prompt_bytes > self._limits.max_prompt_bytes:
            raise Overloaded(
                f"The prompts of running requests have {self._limits.max_prompt_bytes} bytes, which is the most "
                "(SIDECAR_MAX_UNFINISHED_BYTES).",
                retry_after=_RETRY_AFTER_SECONDS,
            )
        self._make_room(REPLY_OVERHEAD_BYTES)
        if opening.booking is not None:
            opening.booking.admit()
            call.booking = opening.booking
        self.prompt_bytes += call.prompt_bytes
        self.running.add(call)
        if share_key is not None:
            self._shared[share_key] = call
        return call

    def find(self, reply_id: str, user_id: str | None) -> Reply:
        """Return a detached reply.

        Raises:
            NotFound: there is none of that id, it is not detached, or it is another user's.
        """
        reply = self._replies.get(reply_id)
        if (
            reply is None
            or not reply.is_detached
            or (user_id is not None and reply.user_id is not None and user_id != reply.user_id)
        ):
            raise NotFound("There is no such reply, or it is no longer kept.")
        return reply

    def attach(self, reply: Reply) -> None:
        """Count one more reader."""
        reply.readers += 1
        self._lonely.pop(reply.id, None)

    def leave(self, reply: Reply, now: float) -> None:
        """Count one reader less. A reply that nobody reads and that is not detached ends here."""
        reply.readers -= 1
        if reply.readers:
            return
        if not reply.is_detached:
            self._forget(reply)
        elif reply.end is None:
            grace = self._limits.grace_seconds if reply.grace_seconds is None else reply.grace_seconds
            reply.deadline = now + grace
            self._lonely[reply.id] = reply

    def cancel(self, reply: Reply, now: float, error: SidecarError | None = None) -> None:
        """End a running reply at once; its readers see `error`, by default `cancelled`. An ended one stays as it is."""
        if reply.end is not None:
            return
        reply.end_with(error or Cancelled("The request was cancelled."))
        self._settle(reply, now)
        self._release(reply)

    def append(self, call: Call, text: str) -> None:
        """Write one delta.

        Raises:
            TooLarge: the reply would outgrow its bound.
            Overloaded: all logs together would outgrow theirs, and there is no finished one to drop.
        """
        delta = text.encode(errors="replace")  # a lone surrogate from a careless provider
        log = call.log
        if call.is_abandoned:
            return
        if not delta:
            return
        if log.text_bytes + len(delta) > self._limits.max_reply_bytes:
            raise TooLarge(f"The reply is longer than {self._limits.max_reply_bytes} bytes (SIDECAR_MAX_REPLY_BYTES).")
        cost_bytes = log.cost_of(delta)
        self._make_room(cost_bytes)
        log.append(delta)
        self.total_bytes += cost_bytes

    def finish(self, call: Call, end: End, now: float) -> None:
        """Write the end of a call, for all its replies that have none of their own."""
        if not call.replies:  # all have left: nobody reads the result, and nobody would give its bytes back
            end = replace(end, result=None)
        if end.result_bytes:
            try:
                self._make_room(end.result_bytes)
            except Overloaded as exc:
                end = End(usage=end.usage, error=exc)
        self.total_bytes += end.result_bytes
        call.finish(end)
        self.running.discard(call)
        self.prompt_bytes -= call.prompt_bytes
        if not self._cache(call, now):
            self._unshare(call)
        for reply in list(call.replies):
            if reply.id not in self._finished:
                self._settle(reply, now)

    def expire(self, now: float) -> float | None:
        """End and drop what is over; return when to look again, or None when nothing waits."""
        for reply in [lonely for lonely in self._lonely.values() if lonely.deadline <= now]:
            self.cancel(reply, now, Cancelled("Nobody came back for the reply in time."))
        while (finished := self._oldest_unread()) is not None and finished.deadline <= now:
            self._forget(finished)
        stale = self._drop_stale(now)
        kept = [reply for reply in (*self._lonely.values(), finished, stale) if reply is not None]
        return min((reply.deadline for reply in kept), default=None)

    def end_all(self, error: SidecarError, now: float) -> None:
        """End every running reply with `error`."""
        for reply in list(self._replies.values()):
            self.cancel(reply, now, error)

    def _settle(self, reply: Reply, now: float) -> None:
        """The reply has ended: it is kept until its time is over and nobody reads it."""
        self._lonely.pop(reply.id, None)
        self._finished[reply.id] = reply
        reply.deadline = now + self._limits.resume_seconds

    def _oldest_unread(self) -> Reply | None:
        return next((reply for reply in self._finished.values() if not reply.readers), None)

    def _make_room(self, wanted_bytes: int) -> None:
        limit = self._limits.max_total_bytes
        while self.total_bytes + wanted_bytes > limit:
            if self._cached:  # somebody may come back for the others
                self._drop(next(iter(self._cached.values())))
                continue
            oldest = self._oldest_unread()
            if oldest is None:
                raise Overloaded(
                    f"All {limit} bytes for replies are in use (SIDECAR_MAX_REPLIES_BYTES).",
                    retry_after=_RETRY_AFTER_SECONDS,
                )
            self._forget(oldest)

    def _forget(self, reply: Reply) -> None:
        del self._replies[reply.id]
        self._finished.pop(reply.id, None)
        if reply.key is not None:
            del self._keys[reply.key]
        call = reply.call
        call.replies.discard(reply)
        self.total_bytes -= REPLY_OVERHEAD_BYTES
        if not call.replies and not call.is_cached:
            self.total_bytes -= call.log.cost_bytes
        self._release(reply)

    def _cache(self, call: Call, now: float) -> bool:
        """Keep a whole answer for whoever asks the same; in place of older ones, and of nothing else."""
        end, key = call.log.end, call.share_key
        is_whole = end is not None and end.finish_reason == "stop"
        if not self._limits.cache_seconds or not is_whole or key is None or self._shared.get(key) is not call:
            return False
        while self.total_bytes + REPLY_OVERHEAD_BYTES > self._limits.max_total_bytes:
            if not self._cached:
                return False
            self._drop(next(iter(self._cached.values())))
        call.is_cached, call.deadline = True, now + self._limits.cache_seconds
        self._cached[key] = call
        self.total_bytes += REPLY_OVERHEAD_BYTES
        return True

    def _drop_stale(self, now: float) -> Call | None:
        """Drop the cached answers whose time is over, and return the next."""
        while (oldest := next(iter(self._cached.values()), None)) is not None and oldest.deadline <= now:
            self._drop(oldest)
        return oldest

    def _drop(self, cached: Call) -> None:
        assert cached.share_key is not None  # noqa: S101 - else it were not cached
        del self._cached[cached.share_key]
        self._unshare(cached)
        cached.is_cached = False
        self.total_bytes -= REPLY_OVERHEAD_BYTES
        if not cached.replies:
            self.total_bytes -= cached.log.cost_bytes

    def _release(self, reply: Reply) -> None:
        """A reply waits for its call no more; stop a running one that none waits for."""
        call = reply.call
        if call.booking is not None and not reply.is_shared:
            call.booking.leave()
        if call.is_running and all(reply.end is not None for reply in call.replies):
            self._unshare(call)
            call.abandon()

    def _unshare(self, call: Call) -> None:
        if call.share_key is not None and self._shared.get(call.share_key) is call:
            del self._shared[call.share_key]
