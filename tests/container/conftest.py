from pathlib import Path

import pytest

IMAGES = Path(__file__).parent / "images"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave what needs built images to scripts/container-test, which names that folder."""
    is_named = any(IMAGES in (path, *path.parents) for path in (Path(name).absolute() for name in config.args))
    return True if collection_path == IMAGES and not is_named else None
