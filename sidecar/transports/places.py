"""Where the socket goes when nobody says: a directory that the web server can find, or else one that is ours alone."""

import contextlib
import os
import stat
from pathlib import Path
from typing import Literal

from sidecar.transports.failures import ListenFailed

_NAME = "openai-moodle-sidecar"
SOCKET_NAME = "sidecar.sock"
WEB_SOCKET_NAME = "web.sock"
WEB_SOCKET_MODE = 0o660


def default_socket_path(*, run_dir: Path = Path("/run"), runtime_dir: Path | None, gid: int | None) -> Path:
    """Return the path for the socket, in a directory that exists afterwards.

    In order: `/run/openai-moodle-sidecar` where it can be used or made, below `runtime_dir` (the user's own, from
    XDG_RUNTIME_DIR), in a private directory beside other temporary files.

    Raises:
        ListenFailed: the private directory is somebody else's.
    """
    *shared, private = _directories(run_dir, runtime_dir)
    for directory in shared:
        if _is_usable(directory, gid):
            return directory / SOCKET_NAME
    try:
        private.mkdir(mode=0o700, exist_ok=True)
    except OSError as exc:
        raise ListenFailed(f"The directory {private} cannot be made: {exc.strerror}. Set SIDECAR_SOCKET.") from exc
    if not _is_ours_alone(private):
        raise ListenFailed(f"{private} is not a directory of ours alone. Remove it, or set SIDECAR_SOCKET.")
    return private / SOCKET_NAME


def socket_paths(
    wanted: Path | Literal["off"] | None, *, run_dir: Path = Path("/run"), runtime_dir: Path | None
) -> list[Path]:
    """Return where a running sidecar listens: where that is wanted, else where `default_socket_path` may have put it.

    The most likely comes first; nothing is made.
    """
    if wanted is not None:
        return [wanted.absolute()] if isinstance(wanted, Path) else []
    *shared, private = _directories(run_dir, runtime_dir)
    if _is_ours_alone(private):  # else anybody could wait there for what we say
        shared.append(private)
    return [directory / SOCKET_NAME for directory in shared]


def web_socket_path(wanted: Path | Literal["off"] | None, socket_path: Path | str) -> Path | None:
    """Return where the web server's socket goes: where it is wanted, else beside the other, if that is at a path."""
    if isinstance(wanted, Path):
        return wanted.absolute()
    if wanted == "off" or not isinstance(socket_path, Path):
        return None
    return socket_path.with_name(WEB_SOCKET_NAME)


def _directories(run_dir: Path, runtime_dir: Path | None) -> list[Path]:
    import tempfile  # not where the place is given: 3 ms of a start

    parents = [parent for parent in (run_dir, runtime_dir) if parent is not None]
    return [*(parent / _NAME for parent in parents), Path(tempfile.gettempdir()) / f"{_NAME}-{os.geteuid()}"]


def _is_ours_alone(directory: Path) -> bool:
    try:
        found = directory.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def check_directory(path: Path, setting: str = "SIDECAR_SOCKET") -> None:
    """Make sure that the socket's directory is fit for it.

    Raises:
        ListenFailed: it is missing, or anybody may replace files in it.
    """
    directory = path.parent
    try:
        mode = directory.stat().st_mode
    except OSError as exc:
        reason = f"The socket's directory {directory}: {exc.strerror}. Make it, or set {setting}."
        raise ListenFailed(reason) from exc
    if not stat.S_ISDIR(mode):
        raise ListenFailed(f"The socket's directory {directory} is no directory. Set {setting}.")
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise ListenFailed(f"Anybody may replace files in {directory}: take the right to write from others.")


def _is_usable(directory: Path, gid: int | None) -> bool:
    return _is_there(directory, gid) and directory.is_dir() and os.access(directory, os.W_OK | os.X_OK)


def _is_there(directory: Path, gid: int | None) -> bool:
    """Make `directory` if it is missing. What cannot be given to the group is taken away again."""
    try:
        directory.mkdir(mode=0o750)
    except FileExistsError:
        with contextlib.suppress(OSError):  # it may be somebody else's, who knows why
            if gid is not None and directory.stat().st_gid != gid:
                os.chown(directory, -1, gid)
        return True
    except OSError:
        return False
    try:
        directory.chmod(0o750)  # whatever the umask
        if gid is not None:
            os.chown(directory, -1, gid)
    except OSError:
        with contextlib.suppress(OSError):  # another start was faster and uses it
            directory.rmdir()
        return False
    return True
