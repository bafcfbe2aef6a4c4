"""`summarize`: a summary of files on stdout."""

from types import SimpleNamespace

from protocol.messages import Summarize
from sidecar.cli._document import work_on


def run(options: SimpleNamespace) -> int:
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
