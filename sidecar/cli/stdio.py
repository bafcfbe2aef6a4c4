"""`stdio`: serve a parent on stdin and stdout."""

from types import SimpleNamespace

import anyio

from sidecar import app, process
from sidecar.cli.speaking import say
from sidecar.cli.starting import NO_SPARES, StartFailed, start
from sidecar.configuration import Configuration
from sidecar.session import ByteStream
from sidecar.transports.stdio import claim


def run(options: SimpleNamespace) -> int:
    """Serve until the end of input and return the exit status."""
    process.die_with_parent()
    stream = claim()  # before anything can print to stdout or open a file
    process.forbid_inspection()  # after it: what claim looks at in /proc would be root's
    try:
        with start(options.env_file, {**options.overrides, **NO_SPARES}) as configuration:
            # Without uvloop: to import it takes longer than it could save on one connection, and it would make our
            # parent's own descriptors non-blocking.
            return anyio.run(lambda: _serve(configuration, stream))
    except StartFailed as exc:
        say(str(exc))
        return exc.exit_status


async def _serve(configuration: Configuration, stream: ByteStream) -> int:
    process.resume_garbage_collection(start_stays=True)  # not before: the event loop has been loaded now
    return await app.serve_stdio(configuration.settings, stream, provider=configuration.provider)
