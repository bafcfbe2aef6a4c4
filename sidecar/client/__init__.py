"""The client's side of the wire, for our own commands: where a sidecar is, how it is asked, what it says."""

from sidecar.client.direct import open_here
from sidecar.client.doors import Door, direct_door, find_doors
from sidecar.client.wire import Connection, NotRunning, SidecarGone

__all__ = ["Connection", "Door", "NotRunning", "SidecarGone", "direct_door", "find_doors", "open_here"]
