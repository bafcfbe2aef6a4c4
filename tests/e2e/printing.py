"""The program with a provider that prints to stdout, as a library of its may do: `python printing.py ARGUMENT...`."""

import os
import subprocess
import sys

from sidecar.cli import main
from sidecar.providers import demo
from sidecar.providers.interface import Prompt


def _print_and_write(prompt: Prompt) -> str:
    print("printed", flush=True)
    sys.stdout.write("buffered")
    os.write(1, b"written\n")
    subprocess.run(["echo", "from a child"], check=True)
    return f"stdin is at its end: {sys.stdin.read() == ''}"


if __name__ == "__main__":
    setattr(demo, "write_reply", _print_and_write)  # noqa: B010 - mypy sees that it is not theirs to give
    sys.exit(main(sys.argv[1:]))
