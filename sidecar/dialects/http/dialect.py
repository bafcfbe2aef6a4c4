"""HTTP as a dialect: made for each connection, because what is asked of a request depends on the socket."""

from protocol.errors import ProtocolError
from sidecar.dialects.http import responses
from sidecar.dialects.http.access import Door
from sidecar.dialects.http.reader import RequestReader
from sidecar.dialects.http.routes import ROUTES, WEB_ROUTES
from sidecar.errors import SidecarError
from sidecar.session import Decoder, Incoming, Peer, TooSlow

_WEB_DOOR = Door(routes=WEB_ROUTES, may_be_proxied=True)


class Http:
    """HTTP/1.1 for one peer."""

    name = "http"
    serves_in_turn = True
    answers_in_order = True
    end_means_gone = True

    def __init__(self, peer: Peer) -> None:
        self._door = _WEB_DOOR if peer.is_web_server else Door(routes=ROUTES, hosts=peer.hosts, token=peer.token)

    def new_reader(self, max_payload_bytes: int) -> Decoder[Incoming]:
        return RequestReader(self._door, max_payload_bytes)

    def refuse(self, error: ProtocolError | SidecarError) -> bytes:
        return responses.refuse(error, status=408 if isinstance(error, TooSlow) else None)
