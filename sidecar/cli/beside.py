"""`beside`: runs the program of a container, and the sidecar beside it."""

import os
from types import SimpleNamespace

from sidecar.beside import supervise


def run(options: SimpleNamespace) -> int:
    """Run both until the program ends, and return its exit status."""
    return supervise([options.program, *options.arguments], os.environ)
