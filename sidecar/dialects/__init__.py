"""The dialects, and how the first byte of a connection tells which one it speaks. SPEC.md, section 2.1."""

from typing import Literal

from sidecar.dialects._payloads import PayloadDialect
from sidecar.dialects.frames import FRAMES
from sidecar.dialects.lines import LINES
from sidecar.errors import SidecarError

__all__ = ["FRAMES", "LINES", "PayloadDialect", "detect", "refusal_of_all_dialects"]


def detect(first: int) -> Literal["frames", "lines", "http"] | None:
    """Return the dialect that begins with byte `first`; None: none of ours, whatever follows."""
    if first == 0:
        return "frames"
    if first == ord("{"):
        return "lines"
    if ord("A") <= first <= ord("Z"):
        return "http"
    return None


def refusal_of_all_dialects(error: SidecarError, first: int | None) -> bytes:
    """Return what refuses a connection that began with byte `first`; None, where nothing has come yet, means frames."""
    spoken = detect(first) if first is not None else "frames"
    if spoken == "http":
        from sidecar.dialects.http import refuse  # HTTP is for `serve`, and loaded behind its start

        return refuse(error)
    if spoken is None:
        return b""
    return (FRAMES if spoken == "frames" else LINES).refuse(error)
