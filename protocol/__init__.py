"""The wire between Moodle and the sidecar: framing, messages, codec, error codes.

Pure: the standard library and msgspec; no I/O, no clock, nothing of `sidecar`. SPEC.md beside this file says the same
for readers of any language, and `vectors/` holds golden files that every implementation runs.
"""

PROTOCOL_VERSION = 1

__all__ = ["PROTOCOL_VERSION"]
