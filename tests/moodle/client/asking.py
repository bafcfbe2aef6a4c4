"""The PHP client in a process of its own."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.e2e.program import PATIENCE_SECONDS

_SCRIPT = Path(__file__).parent / "scripts" / "ask.php"


def ask(settings: Mapping[str, object], way: str = "ask", *, php: Sequence[str] = ()) -> str:
    """Return what `scripts/ask.php` prints; `php` are options of the command."""
    done = subprocess.run(
        ["php", *php, str(_SCRIPT), json.dumps(settings), way],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert (done.stderr, done.returncode) == ("", 0), done
    return done.stdout
