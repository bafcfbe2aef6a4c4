"""Who may use the Unix socket, by what the kernel says of the process at the other end."""

import grp
import os
import pwd
import socket
import struct

import anyio.to_thread
from msgspec import Struct

from sidecar.errors import Forbidden

_UCRED = struct.Struct("iII")
_GID = struct.Struct("I")
# Linux has it since 4.13, the module socket does not.
_SO_PEERGROUPS = 59
# The most that getsockopt takes: 256 groups.
_MAX_GROUPS_BYTES = 1024


class Credentials(Struct, frozen=True):
    """The process that connected, as it was then."""

    pid: int
    uid: int
    gid: int
    groups: frozenset[int]
    """Its supplementary groups: what systemd or Docker gave it stands in no table of users."""


def credentials_of(connection: socket.socket) -> Credentials:
    """Return who is at the other end of a Unix socket."""
    pid, uid, gid = _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    try:
        groups = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MAX_GROUPS_BYTES)
    except OSError:  # too many, or an old kernel
        groups = b""
    return Credentials(pid, uid, gid, frozenset(group for (group,) in _GID.iter_unpack(groups)))


class Admission:
    """Decides whose connections are served: our own user's and root's always, then those of `uids` or, where that is
    None, those of the members of group `gid`."""

    def __init__(
        self,
        *,
        uids: frozenset[int] | None,
        gid: int,
        settings: str = "SIDECAR_SOCKET_GROUP and SIDECAR_ALLOWED_UIDS",
    ) -> None:
        """`settings`: what an administrator can change about it."""
        self._uids = uids
        self._gid = gid
        self._settings = settings

    async def check(self, peer: Credentials) -> Forbidden | None:
        """Return why `peer` is not served, or None."""
        if peer.uid in (os.geteuid(), 0):
            return None
        if self._uids is not None:
            is_allowed = peer.uid in self._uids
            who = "the users in SIDECAR_ALLOWED_UIDS"
        else:
            is_allowed = self._gid in (peer.gid, *peer.groups) or await _look_up(peer.uid, self._gid)
            who = f"members of group {self._gid} (see {self._settings})"
        if is_allowed:
            return None
        return Forbidden(f"User {peer.uid} may not use this socket; it is for {who}.")


async def _look_up(uid: int, gid: int) -> bool:
    """Return whether the user belongs to the group, by the tables of this machine.

    Not remembered: somebody who has just joined the group must not need a restart of ours. In a thread: the directory
    of users may be far away.
    """
    try:
        return await anyio.to_thread.run_sync(_is_member, uid, gid)
    except RuntimeError:  # no thread can be had: one refusal too many, and not the end of all connections
        return False


def _is_member(uid: int, gid: int) -> bool:
    try:
        user = pwd.getpwuid(uid)
        return user.pw_gid == gid or user.pw_name in grp.getgrgid(gid).gr_mem
    except KeyError:
        return False
