"""The provider: how far two short questions come, whether tokens come one by one, and whether leaving closes it.

It works through the provider's interface alone: the code of an error says how far a question came.
"""

import os
import socket
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

import anyio

from protocol.errors import Code
from sidecar.cli.advice import advise
from sidecar.cli.checks.check import Report
from sidecar.cli.checks.offered import name_models
from sidecar.errors import SidecarError, UpstreamNotFound
from sidecar.providers.choosing import choose_provider, locate
from sidecar.providers.interface import Finish, Message, Prompt, Provider, Text
from sidecar.providers.opening import opened
from sidecar.settings import Settings

STEPS = ("name_lookup", "connect", "tls", "key", "model", "tokens", "cancel")

_SHORT = "Count from 1 to 40 in digits, with a space between the numbers, and write nothing else."
_LONG = "Count from 1 to 400 in words, with a comma between the numbers, and write nothing else."
_MAX_TOKENS = 400

# An answer whose first piece comes when this much of its time is over was kept back on its way.
_LATE_SHARE = 0.9
# A quicker one may have been: nobody would notice.
_NOTICED_SECONDS = 1.0

# In this time after its first piece, no model writes all the numbers that it is asked for.
_LEAVE_SECONDS = 0.1

# The provider's interface promises that a connection is closed when it is left; a kernel may take a moment to say so.
_CLOSE_SECONDS = 1.0
_LOOK_SECONDS = 0.01


class _Break(NamedTuple):
    """Where a question broke off: at `step`, after all up to `proven` had gone well (None: nothing is known)."""

    step: str
    proven: str | None


_BREAKS: Mapping[str, _Break] = MappingProxyType(
    {
        Code.UPSTREAM_DNS: _Break("name_lookup", None),
        Code.UPSTREAM_CONNECT: _Break("connect", "name_lookup"),
        Code.TIMEOUT_CONNECT: _Break("connect", None),
        Code.UPSTREAM_TLS: _Break("tls", "connect"),
        Code.UPSTREAM_AUTH: _Break("key", "tls"),
        Code.OVERLOADED: _Break("model", None),
        Code.INTERNAL: _Break("model", None),
    }
)
_ELSEWHERE = _Break("model", "tls")
_IN_THE_ANSWER = _Break("tokens", "model")


@dataclass(slots=True)
class Answer:
    """What was seen of an answer; times in seconds from the question."""

    times: list[float] = field(default_factory=list)
    """When each piece came."""
    seconds: float = 0.0
    finish: Finish | None = None
    error: SidecarError | None = None

    @property
    def longest_gap(self) -> float:
        return max((after - before for before, after in zip(self.times, self.times[1:], strict=False)), default=0.0)

    @property
    def is_held_back(self) -> bool:
        """Whether all of it came at its end."""
        return self.seconds > _NOTICED_SECONDS and self.times[0] > _LATE_SHARE * self.seconds


def check_steps(settings: Settings, provider: Provider, report: Report) -> None:
    """Make the checks of `STEPS`."""
    anyio.run(_check_steps, settings, provider, report)


async def _check_steps(settings: Settings, provider: Provider, report: Report) -> None:
    answer = await ask_shortly(provider)
    skipped = _needless(settings)
    if answer.error is not None:
        _report_break(
            answer.error,
            report,
            skipped=skipped,
            has_begun=bool(answer.times),
            has_floor=settings.extractive_fallback,
            models=await name_models(settings) if isinstance(answer.error, UpstreamNotFound) else "",
        )
        return
    _report_steps(STEPS[:4], report, skipped=skipped)
    _report_model(provider, answer, report)
    _report_tokens(answer, report)
    # With connections of its own: those of the first question may be kept open, rightly.
    _report_cancel(await _leave(choose_provider(settings) or provider), report)


def _needless(settings: Settings) -> dict[str, str]:
    """Say which steps there are not, and why."""
    url = urlsplit(locate(settings).url)
    skipped = {}
    if settings.proxy is None and _is_address(url.hostname or ""):
        skipped["name_lookup"] = "not needed: OPENAI_BASE_URL has an address"
    if url.scheme == "http":
        skipped["tls"] = "not needed: OPENAI_BASE_URL is http://"
    if not settings.api_keys:
        skipped["key"] = "not needed: none is set"
    return skipped


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):
            socket.inet_pton(family, host)
            return True
    return False


_GOOD = MappingProxyType(
    {
        "name_lookup": "the provider's name is known",
        "connect": "the provider takes connections",
        "tls": "the certificate is valid",
        "key": "accepted",
        "model": "it has begun to answer",
    }
)


def _report_steps(steps: Sequence[str], report: Report, *, skipped: Mapping[str, str]) -> None:
    for step in steps:
        if step in skipped:
            report.skipped(step, skipped[step])
        else:
            report.ok(step, _GOOD[step])


def _report_break(
    error: SidecarError,
    report: Report,
    *,
    skipped: Mapping[str, str],
    has_begun: bool,
    has_floor: bool,
    models: str,
) -> None:
    step, proven = _IN_THE_ANSWER if has_begun else _BREAKS.get(error.code, _ELSEWHERE)
    at = STEPS.index(step)
    known = STEPS.index(proven) + 1 if proven else 0
    _report_steps(STEPS[:known], report, skipped=skipped)
    for unknown in STEPS[known:at]:
        report.skipped(unknown, skipped.get(unknown, "cannot be told: it went wrong here or later"))
    todo = advise(error.code).todo + models
    if step in ("name_lookup", "connect", "tls") and not has_floor:
        todo += " SIDECAR_EXTRACTIVE_FALLBACK=on lets `summarize` give sentences of the text meanwhile."
    report.failed(step, f"{error.code}: {error}", todo)
    for rest in STEPS[at + 1 :]:
        report.skipped(rest, skipped.get(rest, "not reached"))


def _report_model(provider: Provider, answer: Answer, report: Report) -> None:
    model = provider.models[0]
    if answer.times:
        report.ok("model", f"{model} answers in {answer.seconds:.1f} s")
        return
    reason = answer.finish.reason if answer.finish else "none"
    todo = "It may have used up its tokens with thinking: raise MAX_TOKENS, or choose another model."
    report.warning("model", f"{model} ended its answer without a word (reason: {reason})", todo)


def _report_tokens(answer: Answer, report: Report) -> None:
    if not answer.times:
        report.skipped("tokens", "there were none")
        return
    first, gap = answer.times[0], answer.longest_gap
    message = f"{len(answer.times)} pieces, the first after {first:.2f} s, the longest gap {gap:.2f} s"
    if len(answer.times) == 1 or answer.is_held_back:
        todo = "The answer comes in one piece: something on the way, or the provider, collects it before it sends it."
        report.warning("tokens", message, todo)
    else:
        report.ok("tokens", message)


async def ask_shortly(provider: Provider) -> Answer:
    """Ask a short question, and return what was seen of the answer."""
    answer = Answer()
    async with opened(provider):
        began = anyio.current_time()
        try:
            async with provider.stream(_prompt(provider, _SHORT)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Text):
                        answer.times.append(anyio.current_time() - began)
                    if isinstance(piece, Finish):
                        answer.finish = piece
        except SidecarError as exc:
            answer.error = exc
        answer.seconds = anyio.current_time() - began
    return answer


@dataclass(slots=True)
class _Leaving:
    """What was seen when an answer was left soon after it began; connections beyond those that there were before."""

    is_over: bool = True
    """Whether the answer had ended by then."""
    open_before: int = 0
    open_after: int = 0
    seconds: float = 0.0
    error: SidecarError | None = None


async def _leave(provider: Provider) -> _Leaving:
    """Leave an answer soon after it began, and look at our own sockets whether the connection is gone."""
    leaving = _Leaving()
    others = count_connections()
    async with opened(provider):
        try:
            async with provider.stream(_prompt(provider, _LONG)) as pieces:
                await anext(pieces, None)
                leaving.open_before = count_connections() - others
                # As a request is cancelled: while it waits for more.
                with anyio.move_on_after(_LEAVE_SECONDS) as reading:
                    async for _ in pieces:
                        pass
                leaving.is_over = not reading.cancelled_caught
        except SidecarError as exc:
            leaving.error = exc
            return leaving
        with anyio.move_on_after(_CLOSE_SECONDS):
            while count_connections() > others:  # noqa: ASYNC110 (no event tells)
                await anyio.sleep(_LOOK_SECONDS)
        leaving.seconds = anyio.current_time() - reading.deadline
        leaving.open_after = count_connections() - others
    return leaving


def _report_cancel(leaving: _Leaving, report: Report) -> None:
    if (error := leaving.error) is not None:
        report.failed("cancel", f"the second question failed: {error.code}: {error}", advise(error.code).todo)
    elif leaving.is_over or leaving.open_before <= 0:
        todo = "Where the provider sends its answers in one piece, a cancel comes too late to save anything."
        report.warning("cancel", "the answer was over before it could be cancelled", todo)
    elif leaving.open_after > 0:
        todo = "This is a bug: report it. The provider goes on writing, and counting, after a person has stopped it."
        report.failed("cancel", f"the connection was still open {leaving.seconds:.1f} s after it was left", todo)
    else:
        report.ok("cancel", f"our connection was closed {leaving.seconds * 1000:.0f} ms after the answer was left")


def _prompt(provider: Provider, question: str) -> Prompt:
    return Prompt(
        action="chat",
        model=provider.models[0],
        system="Do exactly what you are asked.",
        messages=(Message("user", question),),
        subject=question,
        max_tokens=_MAX_TOKENS,
    )


def count_connections() -> int:
    """Return how many TCP connections this process has."""
    return sum(_is_connected(int(name)) for name in os.listdir("/proc/self/fd"))


def _is_connected(fd: int) -> bool:
    try:
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            return False
        with socket.socket(fileno=os.dup(fd)) as copy:
            copy.getpeername()
            return copy.family in (socket.AF_INET, socket.AF_INET6)
    except OSError:  # closed meanwhile, or not connected
        return False
