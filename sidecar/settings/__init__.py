"""The settings: what there is (options.py), how it is read (reading.py), and what comes of it (settings.py)."""

from sidecar.settings.options import OPTIONS, Option, render_table
from sidecar.settings.parsing import TcpAddress
from sidecar.settings.reading import SettingsError, forget_secrets, load_settings
from sidecar.settings.settings import Limits, Settings, Timeouts, UserLimits

__all__ = [
    "OPTIONS",
    "Limits",
    "Option",
    "Settings",
    "SettingsError",
    "TcpAddress",
    "Timeouts",
    "UserLimits",
    "forget_secrets",
    "load_settings",
    "render_table",
]
