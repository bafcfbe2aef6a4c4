"""Asks a question and shows the answer as it comes; Ctrl-C ends it. What chat, summarize and analyze share."""

import signal
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio.abc import TaskStatus
from msgspec.structs import replace

from protocol.errors import Code
from protocol.messages import Analyze, Cancel, Chat, Delta, Done, Error, Ping, Progress, Start, Summarize
from sidecar import process
from sidecar.cli.advice import CONNECTION_LOST, EX_CONFIG, EX_UNAVAILABLE
from sidecar.cli.output import Output, OutputFailed
from sidecar.cli.progress import ProgressLine
from sidecar.cli.speaking import PROGRAM
from sidecar.cli.starting import NO_SPARES, StartFailed
from sidecar.client import Connection, Door, NotRunning, SidecarGone, direct_door, find_doors
from sidecar.observability import start_logging
from sidecar.providers.choosing import choose_provider
from sidecar.settings import Settings, SettingsError, forget_secrets, load_settings

# The silence between two heartbeats may be as long as the settings say; with the usual ones, so long is enough.
_SILENCE_SECONDS = 30.0
_PING_SECONDS = 5.0

# After Ctrl-C the sidecar has so long to end the answer; then the connection goes, and the answer with it.
_CANCEL_SECONDS = 2.0

_ID = "1"


@contextmanager
def prepare(env_file: Path | None) -> Iterator[Settings]:
    """Give the settings to a command that a person runs. Of the log only warnings are shown, on stderr.

    Raises:
        StartFailed: the settings are wrong.
    """
    process.forbid_inspection()
    try:
        settings = load_settings(env_file=env_file, overrides=NO_SPARES)
        forget_secrets()
        with start_logging("warning", None, secrets=settings.secrets):
            yield settings
    except SettingsError as exc:
        raise StartFailed(str(exc), EX_CONFIG) from exc


@dataclass(frozen=True, slots=True)
class Found:
    """Where questions go, and `label`, which says so to a person."""

    door: Door
    label: str


def find(settings: Settings) -> Found:
    """Return the way to the sidecar that runs or, where none does, to a service in this process.

    Raises:
        StartFailed: there is neither.
        SettingsError: none runs, and the provider lacks a setting.
    """
    reasons = []
    for door in find_doors(settings):
        try:
            status = anyio.run(ping, door)
        except NotRunning:
            continue
        except SidecarGone as exc:
            reasons.append(f"{door.name}: {exc}")
            continue
        asked = f"provider {status.provider}" if status.provider else "without a provider"
        return Found(door, f"through the sidecar at {door.name} (version {status.version}, {asked})")
    why = f" ({' '.join(reasons)})" if reasons else ""
    provider = choose_provider(settings)
    if provider is None:
        raise StartFailed(
            f"No sidecar is found that takes our call{why}, and no provider is set that could be asked directly. Start "
            f"one ({PROGRAM} serve), or set OPENAI_API_KEY and OPENAI_MODEL; SIDECAR_PROVIDER=demo needs no key.",
            EX_UNAVAILABLE,
        )
    because = f"no sidecar is found that takes our call{why}" if reasons else "no sidecar runs here"
    return Found(direct_door(settings), f"directly, with the provider {provider.name}: {because}")


class Refused(SidecarGone):
    """A sidecar is there, and does not serve us."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.code = error.code


async def ping(door: Door) -> Done:
    """Ask who is there.

    Raises:
        NotRunning, Refused, SidecarGone: nobody, none for us, or something else.
    """
    async with door.open() as stream:
        connection = Connection(stream)
        await connection.send(Ping(id=_ID, token=_reveal(door)))
        async with aclosing(connection.events(silence_seconds=_PING_SECONDS)) as events:
            answer = [event async for event in events][-1]
    if isinstance(answer, Error):
        raise Refused(answer)
    if not isinstance(answer, Done) or answer.version is None:
        raise SidecarGone("What answers there does not speak this protocol.")
    return answer


Question = Chat | Summarize | Analyze


@dataclass(slots=True)
class Answer:
    """What came of a question."""

    end: Done | Error = field(default_factory=lambda: Error(code=Code.CANCELLED, message="The answer was interrupted."))
    was_interrupted: bool = False
    output_failure: OutputFailed | None = None
    pieces: list[str] = field(default_factory=list, repr=False)
    model: str | None = None
    """Which answers."""

    @property
    def text(self) -> str:
        """What the model wrote, as it came: untrusted."""
        return "".join(self.pieces)


async def ask(door: Door, request: Question, *, output: Output, heartbeat_seconds: float) -> Answer:
    """Ask, and write the answer to `output` as it comes. What goes wrong on the way stands in the answer."""
    request = replace(request, id=_ID, stream=True, token=_reveal(door))
    answer = Answer()
    silence_seconds = max(_SILENCE_SECONDS, 3 * heartbeat_seconds)
    async with anyio.create_task_group() as tasks:
        interrupts = _Interrupts(answer, tasks.cancel_scope)
        await tasks.start(interrupts.heed)
        try:
            async with door.open() as stream:
                connection = Connection(stream)
                await connection.send(request)
                interrupts.connection = connection
                await _follow(connection, answer, output, silence_seconds=silence_seconds)
        except SidecarGone as exc:
            answer.end = Error(code=CONNECTION_LOST, message=str(exc))
        except SettingsError as exc:  # since the start, a file that they name has changed
            answer.end = Error(code=Code.NOT_CONFIGURED, message=str(exc))
        tasks.cancel_scope.cancel()
    try:
        await output.end_line()
    except OutputFailed as exc:
        answer.output_failure = exc
    return answer


async def _follow(connection: Connection, answer: Answer, output: Output, *, silence_seconds: float) -> None:
    progress = ProgressLine()
    try:
        async with aclosing(connection.events(silence_seconds=silence_seconds)) as events:
            async for event in events:
                match event:
                    case Start():
                        answer.model = event.model
                    case Delta():
                        progress.clear()
                        answer.pieces.append(event.text)
                        await output.write(event.text)
                    case Progress():
                        progress.show(event.stage, event.done, event.total)
                    case Done() | Error():
                        answer.end = event
    except SidecarGone as exc:
        answer.end = Error(code=CONNECTION_LOST, message=str(exc))
    except OutputFailed as exc:
        answer.output_failure = exc
    finally:
        progress.clear()


class _Interrupts:
    """Ctrl-C ends the answer by a `cancel` on the wire; where that does not end it soon, or at once after a second
    Ctrl-C, by leaving."""

    def __init__(self, answer: Answer, scope: anyio.CancelScope) -> None:
        self._answer = answer
        self._scope = scope
        self.connection: Connection | None = None
        """Set once the request was sent."""

    async def heed(self, *, task_status: TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(signal.SIGINT) as signals:
            task_status.started()
            async for _ in signals:
                break
            self._answer.was_interrupted = True
            if self.connection is not None:
                with anyio.move_on_after(_CANCEL_SECONDS):
                    await self.connection.send(Cancel(id=_ID))
                    async for _ in signals:
                        break
            self._scope.cancel()


def _reveal(door: Door) -> str | None:
    return door.token.reveal() if door.token is not None else None
