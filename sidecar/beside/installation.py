"""Which of the two installations it is: who runs the sidecar, who can read the key, what PHP gets of the settings.

The settings are not read here, but passed on: what is wrong with one the sidecar says itself.
"""

import grp
import os
import pwd
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

# No settings: their names do not begin with SIDECAR_, which all have for the sidecar a meaning or are wrong.
KIND = "OPENAI_MOODLE_SIDECAR_INSTALLATION"
USER = "OPENAI_MOODLE_SIDECAR_USER"

_NAME = "openai-moodle-sidecar"

# The sockets' unless SIDECAR_SOCKET says otherwise, and always there in our images.
_DIRECTORY = Path("/run", _NAME)

_MAX_ID = 2**32 - 2  # one more means "leave it as it is"

# A child of PHP may not write these files; and a file of settings names no other.
_NOT_FOR_PHP = frozenset({"SIDECAR_LOG_FILE", "SIDECAR_USAGE_FILE", "SIDECAR_ENV_FILE"})


class Refused(Exception):
    """The sidecar may not start so; `str()` says why."""


class User(NamedTuple):
    """Whom the sidecar runs as."""

    uid: int
    gid: int


class Installation:
    """What the environment of the container says. All is looked up anew for each start: it may have been mended."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = {name: value for name, value in environment.items() if name not in (KIND, USER)}
        """The sidecar's."""
        self._kind = environment.get(KIND) or "separated"
        self._user_name = environment.get(USER) or _NAME

    @property
    def environment_of_php(self) -> dict[str, str]:
        """None of the sidecar's settings; but in the simple installation, where a child of PHP finds its own."""
        environment = {name: value for name, value in self.environment.items() if not _is_setting(name)}
        if self._gives_settings_to_php:
            environment["SIDECAR_ENV_FILE"] = str(self._php_env)
        return environment

    def prepare(self) -> tuple[User, int]:
        """Make what a start needs, and return whom the sidecar runs as and the group of PHP's user.

        Raises:
            Refused, OSError: it cannot start so.
        """
        if self._kind not in ("separated", "simple"):
            raise Refused(f"{KIND} must be separated or simple")
        if not self._directory.is_absolute():  # for the sidecar it would begin at /, for us at Moodle's folder
            raise Refused("SIDECAR_SOCKET must be a whole path, or off")
        user, php = self.user(), self._find_group()
        if self._kind == "separated":
            self._refuse_keys_of_others(user)
        _make_directory(self._directory, user, php)
        if self._gives_settings_to_php:
            self._write_php_env(php)
        return user, php

    def user(self) -> User:
        if os.geteuid() != 0:
            if self._kind == "separated":
                raise Refused("separated from PHP it needs a user of its own, so this container must start as root")
            return User(os.geteuid(), os.getegid())
        try:
            found = pwd.getpwnam(self._user_name)
        except KeyError:
            raise Refused(f"there is no user {self._user_name} ({USER})") from None
        return User(found.pw_uid, found.pw_gid)

    def _find_group(self) -> int:
        name = self._get("SIDECAR_SOCKET_GROUP") or "www-data"
        try:
            gid = int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid
            if gid > _MAX_ID:
                raise ValueError
            return gid
        except (KeyError, ValueError):
            raise Refused(f"there is no group {name} (SIDECAR_SOCKET_GROUP)") from None

    def _refuse_keys_of_others(self, user: User) -> None:
        if self._get("OPENAI_API_KEY"):
            raise Refused(
                "OPENAI_API_KEY is in the environment of the container, which all have that `docker exec` starts, PHP "
                f"too. Put the key into a file, and that into OPENAI_API_KEY_FILE; or choose {KIND}=simple"
            )
        settings: list[Mapping[str, str]] = [self.environment]
        if file := self._get("SIDECAR_ENV_FILE"):
            settings.append(_read_settings(file, user))
        fallbacks = [entry.strip() for texts in settings for entry in texts.get("SIDECAR_FALLBACKS", "").split(",")]
        settings += [_read_settings(entry, user) for entry in fallbacks if entry.endswith(".env")]
        for texts in settings:
            if file := texts.get("OPENAI_API_KEY_FILE", "").strip():
                _refuse_file_of_others(file, user)

    @property
    def _gives_settings_to_php(self) -> bool:
        # Who has written such a file already lets PHP read that one.
        return self._kind == "simple" and not self._get("SIDECAR_ENV_FILE")

    @property
    def _directory(self) -> Path:
        socket = self._get("SIDECAR_SOCKET")
        return _DIRECTORY if not socket or socket.lower() == "off" else Path(socket).parent

    @property
    def _php_env(self) -> Path:
        return self._directory / "php.env"

    def _write_php_env(self, gid: int) -> None:
        """Put the settings where a child of PHP finds them: php-fpm gives its own none of its environment."""
        lines = [
            f'{name}="{value}"\n'  # whoever reads it takes one pair of quotes away
            for name, value in self.environment.items()
            if _is_setting(name) and name not in _NOT_FOR_PHP and "\n" not in value
        ]
        self._php_env.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(self._php_env, flags, 0o600), "w", encoding="utf-8", errors="surrogateescape") as file:
            file.writelines(lines)
            os.fchown(file.fileno(), -1, gid)
            os.fchmod(file.fileno(), 0o640)

    def _get(self, name: str) -> str:
        return self.environment.get(name, "").strip()


def _is_setting(name: str) -> bool:
    return name.startswith(("OPENAI_", "SIDECAR_")) or name in ("MAX_TOKENS", "SUMMARIZE_THRESHOLD")


def _read_settings(name: str, user: User) -> dict[str, str]:
    """Return what stands in a file of settings that only the sidecar can read, as it understands it."""
    path = _refuse_file_of_others(name, user)
    if not path.is_file():  # we would wait for what comes out of a pipe
        raise Refused(f"{path} is no file")
    lines = path.read_text("utf-8-sig", errors="surrogateescape").split("\n")
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {name.strip(): value.strip().strip("\"'") for name, value in pairs}


def _refuse_file_of_others(name: str, user: User) -> Path:
    path = Path("/", name)  # the sidecar's working directory
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    is_for_group = mode & 0o070 and found.st_gid not in (0, user.gid)
    if mode & 0o007 or is_for_group or found.st_uid not in (0, user.uid):
        raise Refused(
            f"others than the sidecar can read {path} (mode {mode:04o}, owner {found.st_uid}, group {found.st_gid}): "
            f"chown {user.uid} and chmod 0400 it; or choose {KIND}=simple"
        )
    return path


def _make_directory(directory: Path, user: User, gid: int) -> None:
    """Make the sockets' directory: /run is empty in a container whose root cannot be written to."""
    try:
        directory.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        return
    directory.chmod(0o750)  # first: what is another's only CAP_FOWNER may change
    os.chown(directory, user.uid, gid)
