"""A new program in the place of an old one, while people connect: where somebody holds the socket, none is lost."""

import json
from pathlib import Path

from tests.container.images.conftest import SIDECAR_USER, Run

_HOLDER = Path(__file__).with_name("holder.py").read_text()


def test_an_update_under_load_loses_no_connection(run: Run) -> None:
    container = run("beside", "sidecar", "sidecar", settings={"SIDECAR_PROVIDER": "demo"})
    container.wait_for_health()
    seen = json.loads(container.run("python3", "-c", _HOLDER, user=SIDECAR_USER).stdout)
    assert set(seen) == {"answered"}, seen
    assert seen["answered"] > 500
