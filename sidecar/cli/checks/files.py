"""The files: the log, the socket with its directory, the token. Nothing is made or changed."""

import grp
import os
import pwd
import stat
from pathlib import Path
from typing import NamedTuple

from protocol.messages import Done
from sidecar.cli.checks.check import Report
from sidecar.client.doors import token_paths
from sidecar.secret import InvalidSecret
from sidecar.settings import Settings, UserLimits
from sidecar.transports.failures import ListenFailed
from sidecar.transports.places import WEB_SOCKET_MODE, check_directory, socket_paths, web_socket_path
from sidecar.transports.token import open_token_file, take_token

_START = (
    "Start the sidecar: openai-moodle-sidecar serve, or systemctl start openai-moodle-sidecar. One that runs by other "
    "settings is found with those: --env-file FILE."
)
_RESTART = "Restart the sidecar with these settings."


def check_log(settings: Settings, report: Report) -> None:
    """Say whether the log can be written; by us, that is: the service may run as another user."""
    levels = f"from {settings.log_level} on"
    if settings.log_file is None:
        report.ok("log", f"to stderr, {levels}")
    else:
        _check_file("log", settings.log_file, "SIDECAR_LOG_FILE", levels, report)


def check_usage(settings: Settings, report: Report) -> None:
    """Say whether the usage is written, and what a restart does to it."""
    has_limits = settings.user_limits != UserLimits()
    path, has_key = settings.usage_file, settings.usage_key is not None
    anew = "limits of users begin anew with each start" if has_limits else "no limits of users"
    if path is None:
        report.ok("usage", f"not written; {anew}")
    elif has_key:
        _check_file("usage", path, "SIDECAR_USAGE_FILE", "limits of users go on after a restart", report)
    else:
        note = f"pseudonyms change with each start, as SIDECAR_USAGE_KEY is not set; {anew}"
        _check_file("usage", path, "SIDECAR_USAGE_FILE", note, report)


def _check_file(name: str, path: Path, setting: str, note: str, report: Report) -> None:
    """Say whether a file can be appended to, and `note` where it can."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        if os.access(path.parent, os.W_OK | os.X_OK):
            report.ok(name, f"{path} can be made; {note}")
        else:
            report.failed(name, f"{path} cannot be made by {user_name(os.geteuid())}", "Make its directory writable.")
        return
    except OSError as exc:
        report.failed(name, f"{path}: {exc.strerror}", f"Set {setting} to a file that can be written.")
        return
    if stat.S_ISLNK(mode) or stat.S_ISDIR(mode):
        what = "a link, which is not followed" if stat.S_ISLNK(mode) else "a directory"
        report.failed(name, f"{path} is {what}", f"Set {setting} to a file.")
    elif not os.access(path, os.W_OK):
        todo = "Make it writable for the user that the sidecar runs as, or run doctor as that user."
        report.failed(name, f"{path} cannot be written by {user_name(os.geteuid())}", todo)
    else:
        report.ok(name, f"{path}, {note}")


def check_directory_of_socket(settings: Settings, report: Report) -> Path | None:
    """Say whether the socket's directory will do, and return where the socket is or should be."""
    paths = socket_paths(settings.socket, runtime_dir=settings.runtime_dir)
    if not paths:
        report.skipped("directory", "SIDECAR_SOCKET is off")
        return None
    # As the other commands look: where a socket is, whichever directories are there as well.
    there = (path for is_there in (os.path.lexists, _has_directory) for path in paths if is_there(path))
    path = next(there, paths[0])
    if settings.socket is None and not path.parent.exists():
        report.ok("directory", f"{path.parent} is made at the start, or another in its place")
        return path
    try:
        check_directory(path)
    except ListenFailed as exc:
        report.failed("directory", f"{path.parent} will not do", str(exc))
        return path
    found = path.parent.stat()
    report.ok("directory", f"{path.parent}: {_describe(found)}")
    return path


def _has_directory(path: Path) -> bool:
    return path.parent.exists()


def check_socket(settings: Settings, path: Path | None, report: Report) -> None:
    """Say what stands at the socket's path, and who may connect to it."""
    if path is None:
        report.skipped("socket", "SIDECAR_SOCKET is off")
        return
    wanted = _Wanted("socket", settings.socket_mode, settings.socket_gid, settings.allowed_uids)
    if found := _look(path, wanted, report):
        report.ok("socket", _describe_socket(path, found, wanted))


def check_web_socket(settings: Settings, socket_path: Path | None, answer: Done | None, report: Report) -> None:
    """The same for the web server's socket; `answer` is what the sidecar that runs says of itself."""
    path = web_socket_path(settings.web_socket, socket_path or "off")
    if path is None:
        report.skipped("web_socket", "SIDECAR_WEB_SOCKET is off: PHP is needed for as long as an answer takes")
        return
    gid = settings.socket_gid if settings.web_socket_gid is None else settings.web_socket_gid
    wanted = _Wanted("web_socket", WEB_SOCKET_MODE, gid, None)
    if found := _look(path, wanted, report):
        message = _describe_socket(path, found, wanted)
        if answer is not None and not answer.tickets:
            report.warning("web_socket", message, f"The sidecar that runs gives no tickets. {_RESTART}")
        else:
            report.ok("web_socket", message)


class _Wanted(NamedTuple):
    """What a socket should be like by the settings."""

    name: str
    mode: int
    gid: int | None
    uids: frozenset[int] | None
    """Who may connect to it, whatever its group is."""

    @property
    def setting(self) -> str:
        return f"SIDECAR_{self.name.upper()}"


def _look(path: Path, wanted: _Wanted, report: Report) -> os.stat_result | None:
    """Return what stands at `path`, where it is a socket without fault; else say what is wrong."""
    name = wanted.name
    try:
        found = path.lstat()
    except FileNotFoundError:
        report.warning(name, f"{path} is not there", _START)
        return None
    except OSError as exc:
        report.failed(name, f"{path}: {exc.strerror}", "Run doctor as a user who may use the socket, or as root.")
        return None
    if not stat.S_ISSOCK(found.st_mode):
        report.failed(name, f"{path} is no socket", f"Move it away, or set {wanted.setting}.")
        return None
    if trouble := _find_trouble(path, found, wanted):
        report.warning(name, _describe_socket(path, found, wanted), trouble)
        return None
    return found


def _find_trouble(path: Path, found: os.stat_result, wanted: _Wanted) -> str:
    if stat.S_IMODE(found.st_mode) != wanted.mode:
        return f"By the settings its mode is {wanted.mode:04o}. {_RESTART}"
    if wanted.gid not in (None, found.st_gid):
        return f"By the settings its group is {group_name(wanted.gid or 0)}. {_RESTART}"
    directory = path.parent.stat()
    may_enter = directory.st_mode & 0o001 or (directory.st_gid == found.st_gid and directory.st_mode & 0o010)
    others = wanted.gid is not None or {*(group_members(found.st_gid) or ())} - {user_name(found.st_uid)}
    if found.st_mode & 0o020 and others and not may_enter:
        group = group_name(found.st_gid)
        if wanted.name == "web_socket":
            return f"Group {group} cannot enter {path.parent}: chmod o+x lets it in."
        return f"Group {group} cannot enter {path.parent}: chgrp {group} and chmod g+x let it in."
    return ""


def _describe_socket(path: Path, found: os.stat_result, wanted: _Wanted) -> str:
    return f"{path}: {_describe(found)}; may connect: {_who_may_connect(found, wanted.uids)}"


def _who_may_connect(found: os.stat_result, uids: frozenset[int] | None) -> str:
    """Name those whom both the mode and the sidecar let in."""
    who = dict.fromkeys((user_name(found.st_uid), "root"))
    if uids is not None:
        who |= dict.fromkeys(user_name(uid) for uid in sorted(uids))
        return ", ".join(who)
    if not found.st_mode & 0o020:
        return ", ".join(who)
    members = ", ".join(group_members(found.st_gid) or ()) or "nobody"
    return f"{', '.join(who)}, and members of group {group_name(found.st_gid)} ({members})"


def check_token(settings: Settings, report: Report) -> None:
    """Say whether the token for TCP is safe and can be read."""
    if settings.tcp is None or not settings.tcp_auth:
        report.skipped("token", "TCP is off" if settings.tcp is None else "TCP asks for none (SIDECAR_TCP_AUTH)")
        return
    if settings.token is not None:
        report.ok("token", "in SIDECAR_TOKEN")
        return
    paths = token_paths(settings)
    path = next((path for path in paths if os.path.lexists(path)), None)
    if path is None:
        report.ok("token", f"{paths[0]} is made at the first start")
        return
    try:
        found = path.lstat()
        with open_token_file(path) as file:
            take_token(file)
    except InvalidSecret as exc:
        report.failed("token", f"{path} holds no token: {exc}", "Remove it: the next start makes another.")
    except PermissionError:
        todo = "Run doctor as the sidecar's user, or as a member of the socket's group."
        report.warning("token", f"{path} cannot be read by {user_name(os.geteuid())}", todo)
    except OSError as exc:
        todo = "Set SIDECAR_TOKEN_FILE to a regular file, or remove this one."
        report.failed("token", f"{path}: {exc.strerror}", todo)
    else:
        message = f"{path}: {_describe(found)}"
        if found.st_mode & 0o007:
            report.warning("token", message, f"Every user of this machine has access to it: chmod 640 {path}")
        else:
            report.ok("token", message)


def _describe(found: os.stat_result) -> str:
    mode = stat.S_IMODE(found.st_mode)
    return f"mode {mode:04o}, owner {user_name(found.st_uid)}, group {group_name(found.st_gid)}"


def user_name(uid: int) -> str:
    """Return the name of a user, or the number of one without."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """Return the name of a group, or the number of one without."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def group_members(gid: int) -> list[str] | None:
    """Return who is in a group, those included whose first group it is; None: this machine knows no such group."""
    having = {user.pw_name for user in pwd.getpwall() if user.pw_gid == gid}
    try:
        return sorted({*grp.getgrgid(gid).gr_mem, *having})
    except KeyError:
        return sorted(having) or None
