from tests.e2e.conftest import launch

__all__ = ["launch"]
