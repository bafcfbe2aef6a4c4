"""The settings: where they come from, and who else may read the key."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from sidecar.cli.checks.check import Report
from sidecar.cli.checks.files import group_name, user_name
from sidecar.settings import Settings

_KEY_IN_FILE = re.compile(rb"^[ \t]*OPENAI_API_KEY[ \t]*=[ \t]*\S", re.MULTILINE)
_ADVICE = "chmod 600 it. (Where PHP is to start a sidecar of its own, only its group may read it.)"


def check_settings(settings: Settings, report: Report) -> None:
    """Say where the settings come from; a warning where a file with the key is open to others."""
    for path in _files_with_key(settings):
        mode = path.stat().st_mode
        if mode & stat.S_IROTH:
            report.warning("settings", f"every user may read the key in {path}", _ADVICE)
            return
        if mode & stat.S_IRGRP:
            group = group_name(path.stat().st_gid)
            report.warning("settings", f"members of group {group} may read the key in {path}", _ADVICE)
            return
    where = settings.env_file or "the environment"
    report.ok("settings", f"from {where}, seen as user {user_name(os.geteuid())}")


def _files_with_key(settings: Settings) -> Iterator[Path]:
    for one in (settings, *settings.fallbacks):
        if one.api_key_file is not None:
            yield one.api_key_file
        if one.env_file is not None and _KEY_IN_FILE.search(one.env_file.read_bytes()):
            yield one.env_file
