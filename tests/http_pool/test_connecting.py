import gc
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import anyio
import pytest

from sidecar.http_pool.connecting import _in_turns, connect
from sidecar.http_pool.failures import Unreachable
from sidecar.http_pool.names import Address

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("error")]

V4, V6 = socket.AF_INET, socket.AF_INET6


@contextmanager
def listening(host: str, port: int = 0) -> Iterator[int]:
    family = V6 if ":" in host else V4
    with closing(socket.create_server((host, port), family=family)) as listener:
        yield int(listener.getsockname()[1])


@contextmanager
def dead(host: str, port: int = 0) -> Iterator[int]:
    """Give a port at which connections neither succeed nor fail: nobody accepts, and the queue is full."""
    with ExitStack() as stack:
        full = stack.enter_context(closing(socket.socket(V6 if ":" in host else V4)))
        full.bind((host, port))
        full.listen(0)
        for _ in range(2):
            waiting = stack.enter_context(closing(socket.socket(full.family)))
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield int(full.getsockname()[1])


async def test_the_first_address_that_answers_is_taken() -> None:
    with (
        listening("127.0.0.1") as port,
        listening("127.0.0.2", port),
        closing(await connect([(V4, "127.0.0.1"), (V4, "127.0.0.2")], port)) as sock,
    ):
        assert sock.getpeername() == ("127.0.0.1", port)
        assert not sock.getblocking()


@pytest.mark.parametrize(("gone", "alive"), [("::1", "127.0.0.1"), ("127.0.0.1", "::1"), ("127.0.0.1", "127.0.0.2")])
async def test_u04_a_dead_address_costs_a_quarter_of_a_second(gone: str, alive: str) -> None:
    addresses: list[Address] = [(V6 if ":" in host else V4, host) for host in (gone, alive)]
    with dead(gone) as port, listening(alive, port):
        began = time.monotonic()
        with closing(await connect(addresses, port)) as sock:
            assert sock.getpeername()[0] == alive
        assert 0.2 < time.monotonic() - began < 2


async def test_one_that_refuses_costs_nothing() -> None:
    with listening("127.0.0.2") as port:
        began = time.monotonic()
        with closing(await connect([(V4, "127.0.0.1")] * 40 + [(V4, "127.0.0.2")], port)):
            pass
        assert time.monotonic() - began < 5  # to wait for each would take ten


async def test_where_none_answers_it_is_said() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable):
            await connect([(V4, "127.0.0.1"), (V6, "::1")], taken.getsockname()[1])


async def test_who_is_cancelled_leaves_no_socket_behind() -> None:
    with dead("127.0.0.1") as port:
        for _ in range(5):
            with anyio.move_on_after(0.01):
                await connect([(V4, "127.0.0.1")] * 3, port)
    gc.collect()


async def test_a_family_that_this_machine_does_not_have_is_passed_over() -> None:
    addresses: list[Address] = [(socket.AF_APPLETALK, "x"), (V4, "127.0.0.1")]
    with listening("127.0.0.1") as port, closing(await connect(addresses, port)) as sock:
        assert sock.family == V4


async def test_a_peer_that_is_gone_without_a_word_is_noticed() -> None:
    with listening("127.0.0.1") as port, closing(await connect([(V4, "127.0.0.1")], port)) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_families_take_turns_in_the_order_of_the_system() -> None:
    addresses: list[Address] = [(V6, "1"), (V6, "2"), (V6, "3"), (V4, "4")]
    assert [host for _, host in _in_turns(addresses)] == ["1", "4", "2", "3"]
    assert _in_turns([]) == []
