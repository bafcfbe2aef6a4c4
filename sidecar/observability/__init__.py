"""What an administrator can see of the sidecar: its log, and what is counted."""

from sidecar.observability.logs import Log, LogFileError, start_logging
from sidecar.observability.metrics import Metrics
from sidecar.observability.output import Output
from sidecar.observability.redaction import Redaction
from sidecar.observability.seldom import Seldom

__all__ = ["Log", "LogFileError", "Metrics", "Output", "Redaction", "Seldom", "start_logging"]
