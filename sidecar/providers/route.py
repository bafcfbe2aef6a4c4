"""Asks one model at one endpoint for one answer: with one key or another, and again where that may help."""

import logging
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from functools import partial

import anyio
import msgspec
from msgspec.structs import replace

from sidecar.errors import SidecarError
from sidecar.providers.answer import AnswerReader
from sidecar.providers.clocks import Clocks
from sidecar.providers.dialect import Dialect
from sidecar.providers.endpoint import Endpoint
from sidecar.providers.failures import Mask, explain_status, read_complaint
from sidecar.providers.flow import AnswerFlow
from sidecar.providers.http_client import Answer, HttpClient
from sidecar.providers.interface import Counted, Piece, Prompt, Text
from sidecar.providers.key_ring import KeyRing, Turn
from sidecar.providers.learning import Refusals
from sidecar.providers.rate_limits import read_reset
from sidecar.providers.resilience import Backoff, TryAgain, retry
from sidecar.providers.retry_budget import RetryBudget
from sidecar.secret import Secret

logger = logging.getLogger(__name__)

# Behind the last word stands only what ends the body: a provider that lingers loses its connection.
_DRAIN_SECONDS = 1.0

_MAX_COMPLAINT_BYTES = 64 * 1024
_COMPLAINT_SECONDS = 2.0

# How often a request is written otherwise; a server that likes no form of it is not asked for ever.
_MAX_FORMS = 4


class Route:
    """One endpoint with its keys, in one dialect. What goes wrong on it is remembered here, and nowhere else.

    `client` is opened and closed by its owner, `mask` hides secrets, `label` is for the log.
    """

    def __init__(
        self,
        dialect: Dialect,
        endpoint: Endpoint,
        keys: Sequence[Secret],
        *,
        label: str,
        client: HttpClient,
        mask: Mask,
        backoff: Backoff,
    ) -> None:
        self.endpoint = endpoint
        self.label = label
        self._dialect = dialect
        self._client = client
        self._mask = mask
        self._backoff = backoff
        self._keys = KeyRing(keys or [None], anyio.current_time, partial(_tell_of_breaker, label))
        self._budget = RetryBudget()
        self._refusals = Refusals()

    @property
    def is_ready(self) -> bool:
        """Whether a request would be sent, and not be refused here because nearly all fail."""
        return self._keys.is_ready

    def ask(
        self, prompt: Prompt, clocks: Clocks, *, max_wanted_seconds: float | None = None
    ) -> AsyncGenerator[Piece, None]:
        """Give the pieces of the answer. A provider that wants to be left alone for longer than so long is.

        Raises:
            SidecarError: there is none, or no whole one.
        """
        backoff = self._backoff
        if max_wanted_seconds is not None:
            backoff = replace(backoff, max_wanted_seconds=max_wanted_seconds)
        return retry(lambda: self._try_keys(prompt, clocks), clocks, backoff=backoff, budget=self._budget)

    async def _try_keys(self, prompt: Prompt, clocks: Clocks) -> AsyncGenerator[Piece, None]:
        """Ask with a key, and where it is refused or limited with another one at once."""
        while True:
            turn = self._keys.take()
            try:
                async with aclosing(self._try(prompt, clocks, turn)) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except (SidecarError, TryAgain) as exc:
                code, may_go_well = self._look_at(exc, turn, clocks)
                if not may_go_well:
                    raise
            finally:
                turn.abandon()
            logger.warning("key rests provider=%s key=%d code=%s", self.label, turn.number, code)

    def _look_at(self, failure: SidecarError | TryAgain, turn: Turn, clocks: Clocks) -> tuple[str, bool]:
        """Note what a failure says of a key; return its code, and whether another key may be asked and do better."""
        error = failure.error if isinstance(failure, TryAgain) else failure
        turn.fail(error)
        return error.code, not clocks.has_content and self._keys.rest(turn, error)

    async def _try(self, prompt: Prompt, clocks: Clocks, turn: Turn) -> AsyncGenerator[Piece, None]:
        """Ask once, or again where the provider only dislikes how it was asked."""
        if turn.wait_seconds and clocks.leaves(turn.wait_seconds):
            await anyio.sleep(turn.wait_seconds)
        for form in range(_MAX_FORMS):
            body = self._dialect.write(prompt, self._refusals.of(prompt.model) | self.endpoint.left_out)
            content = msgspec.json.encode(body)
            async with self._client.post(self.endpoint, turn.secret, content, clocks, self._budget.spend) as answer:
                if (reset := read_reset(answer.headers)) is not None:
                    turn.spend(reset)
                if answer.status == 200:
                    async with aclosing(self._read(answer, clocks, turn)) as pieces:
                        async for piece in pieces:
                            yield piece
                    return
                complaint = await _read_complaint(answer)
                error = explain_status(answer.status, answer.headers, complaint, self._mask)
            names = set(_names(body))
            sent = tuple(name for name in self._dialect.optional if name in names)
            has_learned = answer.status in (400, 422) and self._refusals.learn(
                prompt.model, read_complaint(complaint), sent
            )
            if not has_learned or form == _MAX_FORMS - 1:
                try:
                    raise error
                finally:
                    del error  # as in _read

    async def _read(self, answer: Answer, clocks: Clocks, turn: Turn) -> AsyncGenerator[Piece, None]:
        reader = AnswerReader(self._dialect.read(self._mask))
        flow = AnswerFlow(answer, reader, clocks)
        counted = None
        has_flown = False
        while not flow.is_over:
            text = await flow.next()
            if clocks.has_content:
                turn.succeed()
            if text:
                yield Text(text)
                if not has_flown:
                    has_flown = True
                    yield flow
            if (now := reader.counted) is not None and now != counted and not reader.has_finished:
                counted = now
                yield Counted(now)
            if (failure := reader.failure) is not None:
                reader.failure = None
                try:
                    raise failure
                finally:
                    del failure  # whose traceback holds us: neither would be freed before long
        finish = reader.end()
        turn.succeed()
        try:
            yield finish
        finally:
            if reader.is_done:
                await _drain(answer)


def _tell_of_breaker(label: str, key: int, is_open: bool) -> None:
    if is_open:
        logger.error("provider fails, and is only probed from now on provider=%s key=%d", label, key)
    else:
        logger.warning("provider answers again provider=%s key=%d", label, key)


def _names(body: Mapping[str, object]) -> Iterator[str]:
    for name, value in body.items():
        yield name
        if isinstance(value, Mapping):
            yield from value


async def _read_complaint(answer: Answer) -> bytes:
    """Return the body of an answer that is an error; nothing where nobody may see it, and no more than came in time."""
    body = bytearray()
    if answer.status >= 400 and answer.status not in (401, 402, 403):
        with suppress(SidecarError), anyio.move_on_after(_COMPLAINT_SECONDS):
            while len(body) < _MAX_COMPLAINT_BYTES and (came := await answer.read()):
                body += came
    return bytes(body[:_MAX_COMPLAINT_BYTES])


async def _drain(answer: Answer) -> None:
    """Read what ends the body behind the last word, so that its connection can be used again."""
    with suppress(SidecarError), anyio.move_on_after(_DRAIN_SECONDS):
        while await answer.read():
            pass
