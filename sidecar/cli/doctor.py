"""`doctor`: is all as it should be? For each thing that is not, what to do."""

import os
from collections.abc import Iterable
from types import SimpleNamespace

import msgspec

from sidecar import __version__
from sidecar.cli.advice import EX_CONFIG, EX_IOERR, OUTPUT_CLOSED
from sidecar.cli.asking import prepare
from sidecar.cli.checks import Check, Report
from sidecar.cli.checks.files import (
    check_directory_of_socket,
    check_log,
    check_socket,
    check_token,
    check_usage,
    check_web_socket,
)
from sidecar.cli.checks.others import alone, check_others
from sidecar.cli.checks.running import check_instance, check_tcp
from sidecar.cli.checks.secrecy import check_settings
from sidecar.cli.checks.upstream import check_steps
from sidecar.cli.output import OutputFailed
from sidecar.cli.speaking import say
from sidecar.cli.starting import StartFailed
from sidecar.client.doors import read_token
from sidecar.observability import Redaction
from sidecar.observability.redaction import escape
from sidecar.providers.choosing import choose_provider
from sidecar.secret import Secret
from sidecar.settings import Settings, SettingsError

_SET_PROVIDER = (
    "Set OPENAI_API_KEY and OPENAI_MODEL (and OPENAI_BASE_URL where it is not OpenAI's), or SIDECAR_PROVIDER=demo."
)


def run(options: SimpleNamespace) -> int:
    """Look at everything, say what was found, and return the exit status."""
    try:
        return _run(options)
    except OutputFailed as exc:
        if exc.reason is None:
            return OUTPUT_CLOSED
        say(f"the result cannot be written: {exc.reason}")
        return EX_IOERR


def _run(options: SimpleNamespace) -> int:
    printer = _Printer(is_json=options.json)
    report = Report(printer.hear)
    status = 0
    try:
        with prepare(options.env_file) as settings:
            printer.hide(_secrets(settings))
            status = _examine(settings, report)
    except StartFailed as exc:
        report.failed("settings", str(exc), "Correct the setting that the message names.")
        report.skip_rest("the settings are wrong")
        status = exc.exit_status
    printer.end(report)
    return 1 if status == 0 and report.status == "failed" else status


def _examine(settings: Settings, report: Report) -> int:
    """Make all checks, and return the exit status that they do not give themselves."""
    check_settings(settings, report)
    check_log(settings, report)
    check_usage(settings, report)
    path = check_directory_of_socket(settings, report)
    check_socket(settings, path, report)
    answer = check_instance(path, report)
    check_web_socket(settings, path, answer, report)
    check_token(settings, report)
    answer = check_tcp(settings, report, is_running=answer is not None) or answer
    try:
        provider = choose_provider(settings)
    except SettingsError as exc:
        report.failed("provider", str(exc), "Correct the setting that the message names.")
        report.skip_rest("the settings are wrong")
        return EX_CONFIG
    if provider is None and answer is not None and answer.provider is not None:
        todo = "For the checks below, run doctor with the settings of the service: --env-file FILE."
        report.warning("provider", f"none in these settings; the sidecar that runs has {answer.provider}", todo)
        report.skip_rest("no provider in these settings")
    elif provider is None:
        report.failed("provider", "none is set: every request is answered not_configured", _SET_PROVIDER)
        report.skip_rest("no provider in these settings")
    elif provider.name == "demo":
        report.ok("provider", "demo: answers are put together here, without a language model")
        report.skip_rest("not needed")
    else:
        report.ok("provider", f"{provider.name}, model {provider.models[0]}{_more(settings)}")
        first = alone(settings)
        check_steps(first, choose_provider(first) or provider, report)
        check_others(settings, report)
    return 0


def _more(settings: Settings) -> str:
    """Say how many keys and fallbacks there are, where there are several."""
    keys, fallbacks = len(settings.api_keys), len(settings.fallbacks)
    return (f"; {keys} keys" if keys > 1 else "") + (f"; fallbacks: {fallbacks}" if fallbacks else "")


def _secrets(settings: Settings) -> list[Secret]:
    token = read_token(settings)
    return [*settings.secrets, *([token] if token is not None else [])]


class _Printer:
    """Writes checks to stdout, as lines while they are made, or as one JSON object at the end; and no secret."""

    def __init__(self, *, is_json: bool) -> None:
        self._is_json = is_json
        self._redaction = Redaction()

    def hide(self, secrets: Iterable[Secret]) -> None:
        for secret in secrets:
            self._redaction.add(secret)

    def hear(self, check: Check) -> None:
        if not self._is_json:
            self._write(f"{check.status:7}  {check.name:11}  {self._safe(check.message)}")
            if check.advice:
                self._write(f"{'':7}  {'':11}  -> {self._safe(check.advice)}")

    def end(self, report: Report) -> None:
        if not self._is_json:
            return
        checks = [
            {
                "name": check.name,
                "status": check.status,
                "message": self._safe(check.message),
                "advice": self._safe(check.advice),
            }
            for check in report.checks
        ]
        shown = {"version": __version__, "status": report.status, "checks": checks}
        self._write(msgspec.json.encode(shown).decode())

    def _safe(self, text: str) -> str:
        return escape(self._redaction.mask(text))

    def _write(self, line: str) -> None:
        rest = f"{line}\n".encode(errors="replace")
        try:
            while rest:
                rest = rest[os.write(1, rest) :]
        except BrokenPipeError:
            raise OutputFailed(None) from None
        except OSError as exc:
            raise OutputFailed(exc.strerror) from exc
