"""What the program says to the person at the terminal: plain lines on stderr."""

import contextlib
import os

PROGRAM = "openai-moodle-sidecar"


def say(line: str) -> None:
    """Write a line to stderr; it is lost where nobody reads there any more.

    Not by print: where stderr was closed at the start, sys.stderr is None, and print would take stdout, the wire.
    """
    with contextlib.suppress(OSError):
        os.write(2, f"{PROGRAM}: {line}\n".encode(errors="surrogateescape"))
