"""The settings: where they come from, and who else may read the key."""

import os
import pwd
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from sidecar.cli.checks.check import Report
from sidecar.cli.checks.files import group_members, group_name, user_name
from sidecar.settings import Settings

_KEY_IN_FILE = re.compile(rb"^[ \t]*OPENAI_API_KEY[ \t]*=[ \t]*\S", re.MULTILINE)

# As scripts/install and the images call the user that the sidecar runs as.
_SERVICE_USER = "openai-moodle-sidecar"

_SIMPLE = "Where PHP is to start a sidecar of its own, only its group may read it."


def check_settings(settings: Settings, report: Report) -> None:
    """Say where the settings come from; a warning where others than the sidecar's user may read a file with the key."""
    user = _sidecar_user()
    for path in _files_with_key(settings):
        found = path.stat()
        if who := _others_who_read(found, user):
            report.warning("settings", f"{who} may read the key in {path}", _advise(found, user))
            return
    where = settings.env_file or "the environment"
    report.ok("settings", f"from {where}, seen as user {user_name(os.geteuid())}")


def _sidecar_user() -> str:
    """Return whom the sidecar runs as: the service's user where there is one, since doctor may be run by another."""
    try:
        return pwd.getpwnam(_SERVICE_USER).pw_name
    except KeyError:
        return user_name(os.geteuid())


def _others_who_read(found: os.stat_result, user: str) -> str:
    """Name those who may read a file beside its owner, root and the sidecar's user; empty where there are none."""
    if found.st_mode & stat.S_IROTH:
        return "every user"
    if not found.st_mode & stat.S_IRGRP:
        return ""
    members = group_members(found.st_gid)
    if members is None:  # who is in it is written down elsewhere, as for a file of another container
        return f"members of group {found.st_gid}"
    others = set(members) - {user_name(found.st_uid), user, "root"}
    return f"members of group {group_name(found.st_gid)} ({', '.join(sorted(others))})" if others else ""


def _advise(found: os.stat_result, user: str) -> str:
    owner = user_name(found.st_uid)
    todo = "chmod 600 it" if owner == user else f"it belongs to {owner}: chown {user} and chmod 600 it"
    return f"For the sidecar's user alone, {todo}. ({_SIMPLE})"


def _files_with_key(settings: Settings) -> Iterator[Path]:
    for one in (settings, *settings.fallbacks):
        if one.api_key_file is not None:
            yield one.api_key_file
        if one.env_file is not None and _KEY_IN_FILE.search(one.env_file.read_bytes()):
            yield one.env_file
