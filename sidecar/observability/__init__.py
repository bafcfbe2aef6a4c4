"""What an administrator can see of the sidecar: its log."""

from sidecar.observability.logs import LogFileError, start_logging
from sidecar.observability.redaction import Redaction
from sidecar.observability.seldom import Seldom

__all__ = ["LogFileError", "Redaction", "Seldom", "start_logging"]
