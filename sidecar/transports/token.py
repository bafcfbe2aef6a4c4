"""The token that TCP asks for: given, or read from its file, or made there at the first start and kept."""

import errno
import logging
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from sidecar.secret import InvalidSecret, Secret

_TOKEN_BYTES = 32
# PHP's user is a member of the group, and reads it there.
_MODE = 0o640
# Far more than the longest secret: a wrong file is refused without reading the whole of it.
_MAX_FILE_BYTES = 4096

_logger = logging.getLogger(__name__)


class TokenError(Exception):
    """The token's file cannot be used; `str()` is a line that says why, and shows nothing of what is in it."""


def load_token(given: Secret | None, path: Path, *, gid: int | None = None) -> Secret:
    """Return the `given` token or, without one, that of the file at `path`, which is made when it is missing.

    A new file is readable for its owner and the group `gid` (default: the process's own). Of several processes that
    make it at once, all return the token of the first.

    Raises:
        TokenError: the file cannot be made or read, is not ours, is a link, or holds no token.
    """
    if given is not None:
        return given
    try:
        try:
            return _read(path)
        except FileNotFoundError:
            _make(path, gid)
            return _read(path)
    except OSError as exc:
        reason = "it is a symbolic link" if exc.errno == errno.ELOOP else exc.strerror
        raise TokenError(f"The token's file {str(path)!a} cannot be read or made: {reason}.") from exc


def open_token_file(path: Path) -> BinaryIO:
    """Open a token's file to read it. A link is an error, and a pipe in its place holds nobody up."""
    return open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def take_token(file: BinaryIO) -> Secret:
    """Return the token that a file holds. Raises InvalidSecret."""
    return Secret(file.read(_MAX_FILE_BYTES).decode("latin-1"))  # which takes all bytes; Secret does not


def _read(path: Path) -> Secret:
    shown = ascii(str(path))
    with open_token_file(path) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise TokenError(f"The token's file {shown} is no regular file.")
        if status.st_uid not in (os.geteuid(), 0):
            raise TokenError(f"The token's file {shown} belongs to user {status.st_uid}, who knows what is in it.")
        if status.st_mode & 0o007:
            _logger.warning("every user of this machine has access to the token in %s; chmod 640 ends that", shown)
        try:
            return take_token(file)
        except InvalidSecret as exc:
            reason = f"The token's file {shown} holds no token: {exc}. Without the file, one is made."
            raise TokenError(reason) from None


def _make(path: Path, gid: int | None) -> None:
    """Put a new token at `path`, whole or not at all, unless another process was faster."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(unfinished, flags, 0o600), "wb") as file:
        try:
            file.write(secrets.token_urlsafe(_TOKEN_BYTES).encode() + b"\n")
            file.flush()
            if gid is not None:
                _give_to_group(file.fileno(), path, gid)
            os.fchmod(file.fileno(), _MODE)
            os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(unfinished, path)  # unlike rename, never over a file that is there
        finally:
            os.unlink(unfinished)


def _give_to_group(descriptor: int, path: Path, gid: int) -> None:
    try:
        os.fchown(descriptor, -1, gid)
    except OSError as exc:
        raise TokenError(
            f"The token's file {str(path)!a} cannot be given to group {gid} (SIDECAR_SOCKET_GROUP): {exc.strerror}."
        ) from exc
