"""One rig for all tests of this folder: the stand-in provider as a process of its own."""

from collections.abc import Iterator

import pytest

from bench.rig import Rig, set_up


@pytest.fixture(scope="session")
def rig() -> Iterator[Rig]:
    with set_up() as made:
        yield made
