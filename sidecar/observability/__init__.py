"""What an administrator can see of the sidecar: its log."""

from sidecar.observability.logs import LogFileError, start_logging
from sidecar.observability.redaction import Redaction

__all__ = ["LogFileError", "Redaction", "start_logging"]
