"""`analyze`: what files offer for teaching and learning, on stdout."""

from types import SimpleNamespace

from protocol.messages import Analyze
from sidecar.cli._document import work_on


def run(options: SimpleNamespace) -> int:
    """Analyze files and return the exit status."""
    return work_on(
        options,
        lambda text, context: Analyze(
            content=text,
            context=context,
            model=options.ask_model,
            language=options.language,
            format="json" if options.json else None,
        ),
    )
