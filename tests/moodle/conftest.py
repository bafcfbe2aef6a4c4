"""The real server, for the tests of what PHP does with it."""

from tests.e2e.conftest import launch, serve

__all__ = ["launch", "serve"]
