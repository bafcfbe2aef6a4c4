"""The sidecar that runs: who answers on the Unix socket and on TCP."""

from pathlib import Path

import anyio

from protocol.messages import Done
from sidecar import __version__
from sidecar.cli.advice import advise
from sidecar.cli.asking import Refused, ping
from sidecar.cli.checks.check import Report
from sidecar.client import Door, NotRunning, SidecarGone
from sidecar.client.doors import read_token, socket_door, tcp_door
from sidecar.settings import Settings

_START = "Start it: openai-moodle-sidecar serve"


def check_instance(path: Path | None, report: Report) -> Done | None:
    """Ask the sidecar at the socket who it is, and return what it said."""
    if path is None:
        report.skipped("instance", "SIDECAR_SOCKET is off")
        return None
    return _check("instance", socket_door(path), report, if_not_running=_START)


def check_tcp(settings: Settings, report: Report, *, is_running: bool) -> Done | None:
    """The same by TCP; `is_running` tells what was seen on the Unix socket."""
    if settings.tcp is None or not settings.tcp.port:
        report.skipped("tcp", "SIDECAR_TCP is off" if settings.tcp is None else "SIDECAR_TCP is any free port")
        return None
    token = read_token(settings) if settings.tcp_auth else None
    if settings.tcp_auth and token is None:
        report.skipped("tcp", "without the token it cannot be asked")
        return None
    todo = "The sidecar that runs has other settings: restart it with these." if is_running else _START
    return _check("tcp", tcp_door(settings.tcp, token), report, if_not_running=todo)


def _check(name: str, door: Door, report: Report, *, if_not_running: str) -> Done | None:
    try:
        status = anyio.run(ping, door)
    except NotRunning:
        report.warning(name, f"no sidecar listens on {door.name}", if_not_running)
        return None
    except Refused as exc:
        report.failed(name, f"the sidecar on {door.name} refuses: {exc}", advise(exc.code).todo)
        return None
    except SidecarGone as exc:
        todo = "See which program listens there, and who may use it: ss -lnp, ls -l."
        report.failed(name, f"{door.name}: {exc}", todo)
        return None
    message = f"version {status.version} on {door.name}, provider {status.provider or 'none'}"
    if not status.ready:
        todo = "Wait: it is ending, or nearly all requests to its provider fail; its log says which."
        if status.provider is None:
            todo = "Set OPENAI_API_KEY and OPENAI_MODEL where it runs."
        report.failed(name, f"{message}, not ready", todo)
    elif status.version != __version__:
        report.warning(name, f"{message}, ready", f"This is version {__version__}: restart it to have that.")
    elif name == "tcp" and door.token is None:
        todo = "SIDECAR_TCP_AUTH is off: every user and every web page of this machine can use it. Set it to on."
        report.warning(name, f"{message}, ready, without a token", todo)
    else:
        report.ok(name, f"{message}, ready")
    return status
