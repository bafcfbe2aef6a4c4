"""`serve`: listen on the Unix socket and on TCP."""

import re
import signal
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

from sidecar import __version__, process
from sidecar.cli.speaking import say
from sidecar.cli.starting import StartFailed, start
from sidecar.listeners import Listeners, open_listeners
from sidecar.providers.interface import Provider
from sidecar.settings import Settings

_QUESTION = '{"action":"chat","content":"What can you do?","stream":true}'

# For a machine without socat: the same in a line of Python.
_ASK_IN_PYTHON = (
    "import socket,sys;s=socket.socket(socket.AF_UNIX);s.connect(sys.argv[1]);"
    's.sendall(sys.argv[2].encode()+b"\\n");s.shutdown(1);'
    '[print(line,end="",flush=True) for line in s.makefile()]'
)


def run(options: SimpleNamespace) -> int:
    """Serve until a signal and return the exit status."""
    process.forbid_inspection()
    process.raise_file_limit()
    process.leave_no_zombies()
    if not process.has_terminal():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it is listened to: what was just read need not be again
    try:
        with (
            start(options.env_file, options.overrides) as configuration,
            open_listeners(configuration.settings) as listeners,
        ):
            if listeners.token is not None:
                configuration.log.redaction.add(listeners.token)
            _announce(configuration.settings, listeners, configuration.provider)
            # The sockets are open: connections wait while the rest is read, which takes as long as all before it.
            import anyio

            from sidecar import app

            async def serve() -> int:
                process.resume_garbage_collection(start_stays=False)  # SIGHUP may bring another provider, and key
                return await app.serve(configuration, listeners)

            return anyio.run(serve, backend_options={"use_uvloop": find_spec("uvloop") is not None})
    except StartFailed as exc:
        say(str(exc))
        return exc.exit_status


def _announce(settings: Settings, listeners: Listeners, provider: Provider | None) -> None:
    if listeners.unix is None and listeners.tcp is None:
        raise StartFailed("SIDECAR_SOCKET and SIDECAR_TCP are both off: there is nothing to listen on.", 78)
    say(f"version {__version__}, settings from {settings.env_file or 'the environment'}")
    if listeners.unix is not None:
        say(f"listening on {listeners.unix.path}")
    if listeners.web is not None:
        say(f"for the web server: {listeners.web.path}")
    if listeners.tcp is not None:
        host, port, *_ = listeners.tcp.getsockname()
        guard = "without a token" if listeners.token is None else f"token in {listeners.token_file or 'SIDECAR_TOKEN'}"
        say(f"listening on TCP {f'[{host}]' if ':' in host else host}:{port}, {guard}")
        if listeners.token is None:
            say("warning: SIDECAR_TCP_AUTH=off: every user and every web page of this machine can use the sidecar")
    if names := listeners.inherited.names:
        say(f"inherited, so that a restart loses no connection: {', '.join(names)}")
    if provider is None:
        say("warning: no provider is configured: requests are answered not_configured (see SIDECAR_PROVIDER)")
    elif provider.name == "demo":
        say("demo provider: answers are put together here, without a language model (see SIDECAR_PROVIDER)")
        if listeners.unix is not None:
            say(f"to see tokens come, paste this into another terminal:\n{_question_line(listeners.unix.path)}")


def _question_line(path: Path) -> str:
    import shlex
    import shutil  # for the demo alone: 3 ms of a start, as it loads three compressors

    # Other characters mean something to socat.
    if shutil.which("socat") and re.fullmatch(r"[\w/.+@-]+", str(path)):
        return f"echo '{_QUESTION}' | socat -t 60 - UNIX-CONNECT:{path}"
    return f"python3 -c '{_ASK_IN_PYTHON}' {shlex.quote(str(path))} '{_QUESTION}'"
