"""The program on another event loop: `python on_backend.py asyncio|uvloop|trio ARGUMENT...`.

The program itself always takes uvloop where there is one. What depends on the loop is tested on all three.
"""

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import anyio

from sidecar.cli import main

T = TypeVar("T")

_run = anyio.run
_BACKENDS: dict[str, Callable[..., Any]] = {
    "asyncio": partial(_run, backend="asyncio"),
    "uvloop": partial(_run, backend="asyncio", backend_options={"use_uvloop": True}),
    "trio": partial(_run, backend="trio"),
}


def run_on(name: str, function: Callable[[], Awaitable[T]]) -> T:
    result: T = _BACKENDS[name](function)
    return result


if __name__ == "__main__":
    backend = sys.argv[1]
    anyio.run = lambda function, **_options: run_on(backend, function)
    sys.exit(main(sys.argv[2:]))
