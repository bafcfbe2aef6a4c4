"""Reads the settings: overrides, then the environment, then the file."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from sidecar.secret import InvalidSecret, Secret
from sidecar.settings.options import OPTIONS, Option
from sidecar.settings.parsing import PROXY, SECRET, Refused
from sidecar.settings.settings import Limits, Settings, Timeouts, UserLimits

_PARTS: Mapping[str, type[Any]] = MappingProxyType({"limits": Limits, "user_limits": UserLimits, "timeouts": Timeouts})
_NAMES = frozenset(option.name for option in OPTIONS)
# Kubernetes makes these for a service called "sidecar".
_NOT_OURS = ("SIDECAR_SERVICE_", "SIDECAR_PORT")
# Far more than a few of the longest secrets: a wrong file is refused without reading the whole of it.
_MAX_KEY_FILE_BYTES = 16_384
# What differs in another provider. All else holds for every one.
_OF_A_PROVIDER = ("SIDECAR_PROVIDER", "OPENAI_API_KEY", "OPENAI_API_KEY_FILE", "OPENAI_BASE_URL", "OPENAI_MODEL")


class SettingsError(Exception):
    """The settings cannot be used; `str()` is a line that names the setting, and never quotes what it was set to."""


def load_settings(
    *, env_file: Path | None = None, overrides: Mapping[str, str] = {}, needs_keys: bool = True
) -> Settings:
    """Return the settings of this process; without `needs_keys` no file with a key is read, and there is no key.

    `overrides` (by their names in the environment) win over the environment, and that wins over the file: `env_file`,
    else the one that SIDECAR_ENV_FILE names, else `.env` in the working directory if there is one. An empty text is as
    good as none, because Docker Compose passes empty texts for what is not set.

    Raises:
        SettingsError: a value is wrong, a name is unknown, a file cannot be read.
    """
    path = env_file or _find_env_file(overrides)
    in_file = _read_env_file(path) if path else {}

    def read(name: str) -> str | None:
        texts = (overrides.get(name), os.environ.get(name), in_file.get(name))
        return next((text.strip() for text in texts if text and not text.isspace()), None)

    _refuse_unknown([*overrides, *os.environ, *in_file])
    values: dict[str, Any] = {option.field: _parse(option, read(option.name)) for option in OPTIONS}
    values["env_file"] = path
    runtime_dir = os.environ.get("XDG_RUNTIME_DIR")
    values["runtime_dir"] = Path(runtime_dir) if runtime_dir else None
    fallbacks = values.pop("fallbacks")
    if needs_keys:
        values["api_keys"] = _choose_keys(values["api_keys"], values["api_key_file"]) or _read_credential()
    else:
        values["api_keys"], fallbacks = (), ()
    for field, part in _PARTS.items():
        values[field] = part(**{name: values.pop(f"{field}.{name}") for name in part.__struct_fields__})
    settings = Settings(**values, fallbacks=())
    return replace(settings, fallbacks=tuple(_make_fallback(settings, entry) for entry in fallbacks))


def forget_secrets() -> dict[str, Secret]:
    """Take the secrets out of the environment, where a library or a child could find them, and return them by name."""
    texts = {option.name: os.environ.pop(option.name, "") for option in OPTIONS if option.kind in (SECRET, PROXY)}
    return {name: Secret(text.strip()) for name, text in texts.items() if text.strip()}


def _find_env_file(overrides: Mapping[str, str]) -> Path | None:
    named = overrides.get("SIDECAR_ENV_FILE", "").strip() or os.environ.get("SIDECAR_ENV_FILE", "").strip()
    if named:
        return Path(named)
    # A folder of this name is somebody's virtual environment.
    return Path(".env") if os.path.isfile(".env") else None


def _read_env_file(path: Path) -> dict[str, str]:
    from decouple import RepositoryEnv  # not where there is no file: 3 ms of a start

    shown = ascii(str(path))
    try:
        in_file: dict[str, str] = RepositoryEnv(path, encoding="utf-8-sig").data
    except OSError as exc:
        raise SettingsError(f"The settings in {shown} cannot be read: {exc.strerror}.") from exc
    except UnicodeDecodeError:
        raise SettingsError(f"The settings in {shown} are not UTF-8.") from None  # its repr quotes the file
    for name in in_file:
        words = re.split(r"\W+", name)
        meant = next((word for word in words if word in _NAMES), name)
        if meant != name:  # "export X=1" and "X: 1=" would be dropped without a word
            raise SettingsError(f"The settings in {shown}: {meant} must be written as NAME=value.")
    if "SIDECAR_ENV_FILE" in in_file:
        raise SettingsError(f"The settings in {shown}: SIDECAR_ENV_FILE cannot name another file.")
    return in_file


def _refuse_unknown(names: Iterable[str]) -> None:
    for name in names:
        if name.startswith("SIDECAR_") and name not in _NAMES and not name.startswith(_NOT_OURS):
            import difflib  # for this alone

            (nearest,) = difflib.get_close_matches(name, _NAMES, n=1, cutoff=0.0)
            raise SettingsError(f"There is no setting {_printable(name)}; did you mean {nearest}?")


def _printable(name: str) -> str:
    """Cut a name where it stops to look like one: behind that could be a value that lacks its `=`."""
    return re.split(r"\W", name, maxsplit=1, flags=re.ASCII)[0][:80]


def _parse(option: Option, text: str | None) -> object:
    if text is None:
        text = option.default
    if text is None:
        return None
    # The files of other programs may have one behind a value.
    hint = " A comment needs a line of its own." if re.search(r"\s#", text) else ""
    try:
        return option.kind.parse(text)
    except Refused as exc:
        raise SettingsError(f"{option.name} must be {option.kind.allowed}: {exc}.{hint}") from None
    except ValueError:
        raise SettingsError(f"{option.name} must be {option.kind.allowed}.{hint}") from None


def _make_fallback(settings: Settings, entry: Path | str) -> Settings:
    """Return the settings with the model that `entry` names, or with what stands in the file that it is."""
    if isinstance(entry, str):
        return replace(settings, model=entry, models=())
    texts = {name: text.strip() for name, text in _read_env_file(entry).items() if text.strip()}
    shown = ascii(str(entry))
    for name in texts:
        if name not in _OF_A_PROVIDER:
            allowed = ", ".join(_OF_A_PROVIDER)
            raise SettingsError(f"The fallback in {shown} sets {_printable(name)}; a fallback has only {allowed}.")
    try:
        values: dict[str, Any] = {
            option.field: _parse(option, texts.get(option.name)) for option in OPTIONS if option.name in _OF_A_PROVIDER
        }
        values["api_keys"] = _choose_keys(values["api_keys"], values["api_key_file"])
    except SettingsError as exc:
        raise SettingsError(f"The fallback in {shown}: {exc}") from None
    values["provider"] = values["provider"] or "openai"
    return replace(settings, models=(), env_file=entry, **values)


def _choose_keys(key: Secret | None, path: Path | None) -> tuple[Secret, ...]:
    """Give the keys, wherever they stand. Places that differ are an error: either choice would surprise somebody."""
    keys = () if key is None else (key,)
    if path is None:
        return keys
    in_file = _read_keys(path, "OPENAI_API_KEY_FILE must name")
    if keys and keys != in_file:
        raise SettingsError("OPENAI_API_KEY and OPENAI_API_KEY_FILE hold different keys; set only one of them.")
    return in_file


def _read_credential() -> tuple[Secret, ...]:
    """Give the keys that systemd hands over by `LoadCredential=openai_api_key`, if it does."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(directory, "openai_api_key") if directory else None
    if path is None or not path.exists() or not path.stat().st_size:  # a unit may name one that is not filled in yet
        return ()
    return _read_keys(path, "The credential openai_api_key must be")


def _read_keys(path: Path, rule: str) -> tuple[Secret, ...]:
    # The path is not shown: some write the key itself there.
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_KEY_FILE_BYTES + 1)
        # latin-1 takes all bytes, and Secret refuses the wrong ones.
        lines = content.decode("latin-1").split("\n")
        keys = [Secret(line) for line in lines if line.strip()]
        if not keys or len(content) > _MAX_KEY_FILE_BYTES:
            raise InvalidSecret
    except OSError as exc:
        raise SettingsError(f"{rule} a readable file: {exc.strerror}.") from None
    except InvalidSecret as exc:
        raise SettingsError(f"{rule} a file that holds nothing but the key, or one a line: {exc}.") from None
    # A second one that is the same would take turns with itself.
    return tuple(key for place, key in enumerate(keys) if key not in keys[:place])
