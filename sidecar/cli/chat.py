"""`chat`: a conversation in the terminal, or one question from a pipe."""

import contextlib
import os
import signal
import sys
from functools import partial
from types import SimpleNamespace

import anyio
from msgspec import structs

from protocol.errors import Code
from protocol.messages import Chat, Error
from sidecar.cli.advice import INTERRUPTED
from sidecar.cli.asking import Answer, Found, ask, find, prepare
from sidecar.cli.ending import report
from sidecar.cli.history import History
from sidecar.cli.output import Output
from sidecar.cli.reading import STDIN, read_context, read_text
from sidecar.cli.speaking import say
from sidecar.cli.starting import StartFailed
from sidecar.settings import Settings

_PROMPT = "> "


def run(options: SimpleNamespace) -> int:
    """Talk, and return the exit status."""
    try:
        with prepare(options.env_file) as settings:
            limit = settings.limits.max_chat_bytes
            context = read_context(options.context, max_bytes=limit)
            template = Chat(
                content="",
                context=context,
                model=options.ask_model,
                language=options.language,
                instructions=options.instructions,
            )
            question = None if os.isatty(0) else read_text(STDIN, max_bytes=limit).strip()
            conversation = _Conversation(template, find(settings), settings)
            if question is not None:
                return report(conversation.ask(question))
            return conversation.talk()
    except StartFailed as exc:
        say(str(exc))
        return exc.exit_status
    except KeyboardInterrupt:
        return INTERRUPTED


class _Conversation:
    """Questions, their answers, and what was said before."""

    def __init__(self, template: Chat, found: Found, settings: Settings) -> None:
        say(found.label)
        self._template = template
        self._door = found.door
        self._settings = settings
        self._output = Output()
        self._history = History()

    def talk(self) -> int:
        """Answer what is typed until Ctrl-D or Ctrl-C at the prompt, and return the exit status."""
        say("Ctrl-C ends an answer, Ctrl-D the conversation")
        if os.isatty(1):
            with contextlib.suppress(ImportError):
                import readline  # noqa: F401 (from then on `input` lets the line be edited)
        while (question := _prompt()) is not None:
            if not question.strip():
                continue
            try:
                answer = self.ask(question)
            except KeyboardInterrupt:  # before the answer has begun, or after it
                continue
            status = report(answer)
            if answer.output_failure is not None:
                return status
        return 0

    def ask(self, question: str) -> Answer:
        """Ask, with what was said before, and keep what came of it."""
        history = self._history.turns(max_bytes=self._room_for_history(question))
        request = structs.replace(self._template, content=question, history=history or None)
        heartbeat_seconds = self._settings.heartbeat_seconds
        asking = partial(ask, self._door, request, output=self._output, heartbeat_seconds=heartbeat_seconds)
        answer = anyio.run(asking)
        self._history.add(question, answer.text)
        if isinstance(answer.end, Error) and answer.end.code == Code.CONTEXT_TOO_LONG and self._history:
            self._history.forget_half()
            say("the older half of the conversation is forgotten: ask again")
        return answer

    def _room_for_history(self, question: str) -> int:
        used = len(question.encode()) + len((self._template.context or "").encode())
        return self._settings.limits.max_chat_bytes - used


def _prompt() -> str | None:
    """Return a line that a person typed; None where they want to leave."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        line = input(_PROMPT) if os.isatty(1) else _read_line()
    except (EOFError, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # we leave already
        with contextlib.suppress(OSError):
            os.write(2, b"\n")
        return None
    except UnicodeDecodeError:
        say("this is no UTF-8; please type it again")
        return ""
    # What the terminal sent in another encoding: the wire takes only whole characters.
    return line.encode(errors="surrogateescape").decode(errors="replace")


def _read_line() -> str:
    """Ask on stderr: on stdout the prompt would stand among the answers."""
    with contextlib.suppress(OSError):
        os.write(2, _PROMPT.encode())
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line
