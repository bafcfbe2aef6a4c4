"""What summarize and analyze share: texts go in, the model's text comes out."""

import json
import os
from collections.abc import Callable
from types import SimpleNamespace

import anyio
import msgspec

from protocol.messages import Done
from sidecar.cli.advice import INTERRUPTED
from sidecar.cli.asking import Answer, Question, ask, find, prepare
from sidecar.cli.ending import report
from sidecar.cli.output import Muted, Output, OutputFailed
from sidecar.cli.reading import read_context, read_texts
from sidecar.cli.speaking import say
from sidecar.cli.starting import StartFailed
from sidecar.client import Door


def work_on(options: SimpleNamespace, new_request: Callable[[str, str | None], Question]) -> int:
    """Let the model work on the files that the options name, and return the exit status.

    `new_request` makes the request of the text and its context.
    """
    try:
        with prepare(options.env_file) as settings:
            limit = settings.limits.max_text_bytes
            context = read_context(options.context, max_bytes=limit)
            request = new_request(read_texts(options.files, max_bytes=limit), context)
            found = find(settings)
            if os.isatty(2):
                say(found.label)

            async def asking() -> Answer:
                if options.json:
                    return await _ask_for_json(found.door, request, heartbeat_seconds=settings.heartbeat_seconds)
                return await ask(found.door, request, output=Output(), heartbeat_seconds=settings.heartbeat_seconds)

            return report(anyio.run(asking))
    except StartFailed as exc:
        say(str(exc))
        return exc.exit_status
    except KeyboardInterrupt:  # before the answer has begun, or after it
        return INTERRUPTED


async def _ask_for_json(door: Door, request: Question, *, heartbeat_seconds: float) -> Answer:
    """Ask, and write the answer as one JSON object when it is there; nothing of one that has failed."""
    answer = await ask(door, request, output=Muted(), heartbeat_seconds=heartbeat_seconds)
    end = answer.end
    if isinstance(end, Done):
        written = {
            "model": answer.model,
            "finish_reason": end.finish_reason,
            "usage": msgspec.to_builtins(end.usage),
            "result" if end.result is not None else "text": end.result if end.result is not None else answer.text,
        }
        try:
            await Output().write(json.dumps(written, ensure_ascii=False, indent=2) + "\n")
        except OutputFailed as exc:
            answer.output_failure = exc
    return answer
