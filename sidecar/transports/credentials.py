"""Who may use the Unix socket, by what the kernel says of the process at the other end."""

import grp
import os
import pwd
import socket
import struct
from dataclasses import dataclass

import anyio.to_thread

from sidecar.errors import Forbidden

_UCRED = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The process that connected, as it was then."""

    pid: int
    uid: int
    gid: int


def credentials_of(connection: socket.socket) -> Credentials:
    """Return who is at the other end of a Unix socket."""
    return Credentials(*_UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)))


class Admission:
    """Decides whose connections are served: our own user's and root's always, then those of `uids` or, where that is
    None, those of the members of group `gid`."""

    def __init__(self, *, uids: frozenset[int] | None, gid: int) -> None:
        self._uids = uids
        self._gid = gid

    async def check(self, peer: Credentials) -> Forbidden | None:
        """Return why `peer` is not served, or None."""
        if peer.uid in (os.geteuid(), 0):
            return None
        if self._uids is not None:
            is_allowed = peer.uid in self._uids
            who = "the users in SIDECAR_ALLOWED_UIDS"
        else:
            # Not remembered: somebody who has just joined the group must not need a restart of ours. In a thread: the
            # directory of users may be far away.
            is_allowed = peer.gid == self._gid or await anyio.to_thread.run_sync(_is_member, peer.uid, self._gid)
            who = f"members of group {self._gid} (see SIDECAR_SOCKET_GROUP and SIDECAR_ALLOWED_UIDS)"
        if is_allowed:
            return None
        return Forbidden(f"User {peer.uid} may not use this socket; it is for {who}.")


def _is_member(uid: int, gid: int) -> bool:
    try:
        user = pwd.getpwuid(uid)
        return user.pw_gid == gid or user.pw_name in grp.getgrgid(gid).gr_mem
    except KeyError:
        return False
