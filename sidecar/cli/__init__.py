"""The command line. Nothing is imported before it is needed: `--help` and stdio are to be quick."""

from sidecar.cli.main import main

__all__ = ["main"]
