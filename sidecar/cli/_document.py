"""What summarize and analyze share: a text goes in, the model's text comes out."""

import argparse
import os
from collections.abc import Callable
from functools import partial

import anyio

from sidecar.cli.advice import INTERRUPTED
from sidecar.cli.asking import Question, ask, find, prepare
from sidecar.cli.ending import report
from sidecar.cli.output import Output
from sidecar.cli.reading import read_context, read_text
from sidecar.cli.speaking import say
from sidecar.cli.starting import StartFailed


def work_on(options: argparse.Namespace, new_request: Callable[[str, str | None], Question]) -> int:
    """Let the model work on the file that the options name, and return the exit status.

    `new_request` makes the request of the text and its context.
    """
    try:
        with prepare(options.env_file) as settings:
            limit = settings.limits.max_text_bytes
            context = read_context(options.context, max_bytes=limit)
            request = new_request(read_text(options.file, max_bytes=limit), context)
            found = find(settings)
            if os.isatty(2):
                say(found.label)
            asking = partial(ask, found.door, request, output=Output(), heartbeat_seconds=settings.heartbeat_seconds)
            return report(anyio.run(asking))
    except StartFailed as exc:
        say(str(exc))
        return exc.exit_status
    except KeyboardInterrupt:  # before the answer has begun, or after it
        return INTERRUPTED
