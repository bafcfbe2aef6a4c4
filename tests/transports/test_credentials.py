import errno
import grp
import os
import pwd
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sidecar.transports.credentials import Admission, Credentials, credentials_of
from tests.transports.sockets import unix_pair

pytestmark = pytest.mark.anyio

# Nobody is called so: the tables of this machine have no part in it.
STRANGER = 3_000_000_001
GROUP = 3_000_000_002


def peer(uid: int, *, gid: int = STRANGER, groups: tuple[int, ...] = ()) -> Credentials:
    return Credentials(pid=1, uid=uid, gid=gid, groups=frozenset(groups))


def someone_else() -> pwd.struct_passwd:
    """Return a user of this machine who is neither root nor who we are."""
    return next(user for user in pwd.getpwall() if user.pw_uid not in (0, os.geteuid()))


def test_the_kernel_says_who_is_there() -> None:
    with unix_pair() as (ours, _):
        found = credentials_of(ours)
    assert found == Credentials(os.getpid(), os.geteuid(), os.getegid(), frozenset(os.getgroups()))


class _Connection(socket.socket):
    """In the place of a connection whose peer this machine does not have."""

    def __init__(self, credentials: bytes, groups: bytes | OSError) -> None:
        super().__init__(socket.AF_UNIX)
        self._credentials = credentials
        self._groups = groups

    def getsockopt(self, level: int, option: int, *_: int) -> Any:  # as in its base
        if option == socket.SO_PEERCRED:
            return self._credentials
        if isinstance(self._groups, OSError):
            raise self._groups
        return self._groups


def test_numbers_of_users_and_groups_are_large() -> None:
    with _Connection(struct.pack("iII", 7, 2**32 - 2, 2**31), struct.pack("2I", 2**31 + 1, 5)) as connection:
        assert credentials_of(connection) == Credentials(7, 2**32 - 2, 2**31, frozenset({2**31 + 1, 5}))


def test_more_groups_than_can_be_read_are_none() -> None:
    with _Connection(struct.pack("iII", 7, 8, 9), OSError(errno.ERANGE, "too many")) as connection:
        assert credentials_of(connection) == Credentials(7, 8, 9, frozenset())


@pytest.mark.parametrize("uids", [None, frozenset({STRANGER})])
async def test_our_own_user_and_root_are_always_served(uids: frozenset[int] | None) -> None:
    admission = Admission(uids=uids, gid=GROUP)
    assert await admission.check(peer(os.geteuid())) is None
    assert await admission.check(peer(0)) is None


async def test_the_group_is_served_whichever_way_one_has_come_into_it() -> None:
    admission = Admission(uids=None, gid=GROUP)
    assert await admission.check(peer(STRANGER, gid=GROUP)) is None
    assert await admission.check(peer(STRANGER, groups=(5, GROUP))) is None


async def test_the_members_of_a_group_are_served_though_they_run_without_it() -> None:
    user = someone_else()
    assert await Admission(uids=None, gid=user.pw_gid).check(peer(user.pw_uid)) is None


async def test_who_is_listed_in_a_group_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    user = someone_else()
    monkeypatch.setattr(grp, "getgrgid", lambda gid: grp.struct_group(("moodle", "x", gid, [user.pw_name])))
    assert await Admission(uids=None, gid=GROUP).check(peer(user.pw_uid)) is None


@pytest.mark.parametrize("uid", [STRANGER, someone_else().pw_uid])
async def test_others_are_told_who_they_are_and_which_settings_decide(uid: int) -> None:
    refusal = await Admission(uids=None, gid=GROUP).check(peer(uid))
    assert refusal is not None
    assert str(refusal) == (
        f"User {uid} may not use this socket; it is for members of group {GROUP} "
        "(see SIDECAR_SOCKET_GROUP and SIDECAR_ALLOWED_UIDS)."
    )


async def test_a_list_of_users_is_all_there_is() -> None:
    admission = Admission(uids=frozenset({STRANGER}), gid=GROUP)
    assert await admission.check(peer(STRANGER)) is None
    refusal = await admission.check(peer(STRANGER + 7, gid=GROUP, groups=(GROUP,)))
    assert refusal is not None
    assert str(refusal) == f"User {STRANGER + 7} may not use this socket; it is for the users in SIDECAR_ALLOWED_UIDS."


async def test_without_a_thread_to_look_it_up_a_stranger_stays_one(no_threads: None) -> None:
    """A limit of processes is no reason for a bug that would end all connections."""
    assert await Admission(uids=None, gid=GROUP).check(peer(STRANGER)) is not None


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        yield
