"""An exception for the log: what it is and where it came from, without line breaks and without what a person wrote."""

import traceback
from pathlib import PurePath

# A recursion repeats itself, and what is far out is the event loop.
_MAX_FRAMES = 20
_MAX_EXCEPTIONS = 8

# Their text, and that of OSError, is about code. That of others may quote what was worked on: a key, a word, a prompt.
_SPEAK_OF_CODE = frozenset(
    {
        AssertionError,
        AttributeError,
        ImportError,
        ModuleNotFoundError,
        NameError,
        NotImplementedError,
        RuntimeError,
        TypeError,
        UnboundLocalError,
    }
)


def describe(exc: BaseException) -> str:
    """Return the type of `exc` and the calls it came through, the innermost last; then the same of its causes."""
    described: list[str] = []
    waiting = [("", exc)]
    while waiting and len(described) < _MAX_EXCEPTIONS:
        relation, one = waiting.pop(0)
        described.append(f"{relation}{_name(one)}{_text(one)}{_calls(one)}")
        if one.__cause__ is not None:
            waiting.append(("caused by ", one.__cause__))
        elif one.__context__ is not None and not one.__suppress_context__:
            waiting.append(("raised while handling ", one.__context__))
        if isinstance(one, BaseExceptionGroup):
            waiting.extend(("which holds ", member) for member in one.exceptions)
    return "; ".join(described)


def _name(exc: BaseException) -> str:
    kind = type(exc)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _text(exc: BaseException) -> str:
    return f": {exc}" if isinstance(exc, OSError) or type(exc) in _SPEAK_OF_CODE else ""


def _calls(exc: BaseException) -> str:
    calls = [
        f"{'/'.join(PurePath(frame.f_code.co_filename).parts[-2:])}:{line} {frame.f_code.co_qualname}"
        for frame, line in traceback.walk_tb(exc.__traceback__)
    ]
    return f" (in {' > '.join(calls[-_MAX_FRAMES:])})" if calls else ""
