"""Who uses what: limits for each user, the log of usage, and sums by user and course. Nobody's name, nobody's text."""

from sidecar.usage.accounts import Accounts, Booking, Purpose
from sidecar.usage.usage_log import UsageFileError, UsageLog, open_usage_log

__all__ = ["Accounts", "Booking", "Purpose", "UsageFileError", "UsageLog", "open_usage_log"]
