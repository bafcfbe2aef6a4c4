"""`beside`: runs the program of a container, and the sidecar beside it."""

import argparse
import os

from sidecar.beside import supervise


def run(options: argparse.Namespace) -> int:
    """Run both until the program ends, and return its exit status."""
    return supervise([options.program, *options.arguments], os.environ)
