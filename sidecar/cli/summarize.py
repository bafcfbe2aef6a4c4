"""`summarize`: a summary of files on stdout."""

import argparse

from protocol.messages import Summarize
from sidecar.cli._document import work_on


def run(options: argparse.Namespace) -> int:
    """Summarize files and return the exit status."""
    return work_on(
        options,
        lambda text, context: Summarize(
            content=text,
            context=context,
            model=options.ask_model,
            language=options.language,
            length=options.length,
            style=options.style,
        ),
    )
