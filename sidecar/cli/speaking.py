"""What the program says to the person at the terminal: plain lines on stderr."""

import sys

PROGRAM = "openai-moodle-sidecar"


def say(line: str) -> None:
    print(f"{PROGRAM}: {line}", file=sys.stderr, flush=True)
