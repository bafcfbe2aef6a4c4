"""`health`: does the sidecar that runs answer? For what watches it, such as a container; doctor tells a person why."""

import os
import socket
import struct
from pathlib import Path
from types import SimpleNamespace

# No anyio and no provider: whoever watches asks twice a minute, and this starts in half the time of doctor.
from protocol import codec
from protocol.errors import BadMessage, ProtocolError
from protocol.framing import FrameDecoder, encode_frame
from protocol.messages import Done, Error, Ping
from sidecar.cli.speaking import say
from sidecar.settings import Settings, SettingsError, load_settings
from sidecar.transports.places import socket_paths

# A sidecar that works answers in a millisecond; one whose machine is overloaded is not dead for that.
_PATIENCE_SECONDS = 3

_CHUNK_BYTES = 65536


class _Unhealthy(Exception):
    """`str()` is a line that says why."""


def run(options: SimpleNamespace) -> int:
    """Say what the sidecar says of itself; return 0 where that is good, and 1 for everything else, as Docker wants."""
    try:
        # Who watches need not be able to read the key.
        settings = load_settings(env_file=options.env_file, needs_keys=False)
        status = _ask(settings)
        said = f"version {status.version}, provider {status.provider or 'none'}, {'' if status.ready else 'not '}ready"
        if options.ready and not status.ready:
            raise _Unhealthy(said)
    except (SettingsError, _Unhealthy) as exc:
        say(str(exc))
        return 1
    os.write(1, f"{said}\n".encode())
    return 0


def _ask(settings: Settings) -> Done:
    paths = socket_paths(settings.socket, runtime_dir=settings.runtime_dir)
    if not paths:
        raise _Unhealthy("SIDECAR_SOCKET is off: there is no socket to ask at.")
    path = next((path for path in paths if path.exists()), paths[0])
    try:
        return _ping(path)
    except OSError as exc:
        reason = f"no answer within {_PATIENCE_SECONDS} s" if isinstance(exc, BlockingIOError) else exc.strerror
        raise _Unhealthy(f"{path}: {reason}.") from exc
    except ProtocolError:
        raise _Unhealthy(f"{path}: what answers there does not speak this protocol.") from None


def _ping(path: Path) -> Done:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        # The kernel's own time-outs: unlike Python's, they also wait for a place in a full queue of connections.
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", _PATIENCE_SECONDS, 0))
        sock.connect(os.fspath(path))
        sock.sendall(encode_frame(codec.encode(Ping(id="health"))))
        decoder = FrameDecoder()
        while (payload := decoder.next_payload()) is None:
            chunk = sock.recv(_CHUNK_BYTES)
            if not chunk:
                raise _Unhealthy(f"{path}: the sidecar closed the connection.")
            decoder.feed(chunk)
    match codec.decode_reply(payload):
        case Done(version=str()) as status:
            return status
        case Error() as refusal:
            raise _Unhealthy(f"{path}: {refusal.message}")
    raise BadMessage("This answers no ping.")
