"""Connections to a provider: kept, refused, redirected, busy both ways. The ids are rows of the failure matrix."""

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import anyio
import anyio.lowlevel
import pytest
from msgspec import structs
from msgspec.structs import replace

from protocol.errors import Code
from sidecar.errors import SidecarError
from sidecar.providers.remote import RemoteProvider
from tests.http_pool.asking import until
from tests.moments import quickest_of
from tests.providers.asking import PATIENT, PROMPT, QUICK, ask, opened
from tests.providers.faults import (
    OK,
    STOP,
    TEN_THOUSAND,
    A,
    Outcome,
    outcome,
)
from tests.providers.scripted import (
    DONE,
    Asked,
    good,
    running,
    status,
    stream,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_u34_the_target_of_a_redirect_sees_no_request(code: int) -> None:
    with running(OK) as target, running(status(code, Location=f"{target.url}/v1/chat/completions")) as server:
        async with opened(server.url) as provider:
            assert await outcome(provider) == Outcome("", "upstream_protocol")
        assert target.connected == 0
        assert len(server.asked) == 1


async def test_u35_information_before_the_answer_is_passed_over() -> None:
    def script(asked: Asked) -> None:
        asked.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 10)
        OK(asked)

    with running(script) as server:
        async with opened(server.url) as provider:
            assert await outcome(provider) == Outcome("ok", "stop")


async def test_u47_an_answer_before_the_whole_request_was_read() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    big = structs.replace(PROMPT, system="x" * 3_000_000)
    with closing(listener):
        async with (
            opened(f"http://127.0.0.1:{listener.getsockname()[1]}") as provider,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(anyio.to_thread.run_sync, refuse)
            with pytest.raises(SidecarError) as caught:
                await ask(provider, big)
            assert caught.value.code == Code.UPSTREAM_BAD_REQUEST


class TestKeptConnections:
    async def test_u48_one_that_was_closed_meanwhile_is_replaced_without_a_pause(self) -> None:
        def close_next(asked: Asked) -> None:
            OK(asked)
            asked.connection.read_request(bytearray())  # the next request comes, and no answer
            asked.cut()

        with running(close_next, OK) as server:
            async with opened(server.url) as provider:
                assert await outcome(provider) == Outcome("ok", "stop")
                assert await outcome(provider) == Outcome("ok", "stop")
        assert [asked.number for asked in server.asked] == [0, 1]

    async def test_a_request_that_is_read_and_never_answered_is_sent_unseen_once_and_then_as_retries_only(self) -> None:
        """Spares are kept ones that every try would find."""
        with running(OK, lambda asked: asked.cut()) as server:
            async with opened(server.url, SIDECAR_SPARE_CONNECTIONS="2") as provider:
                await outcome(provider)
                await until(lambda: server.connected == 3)
                assert await outcome(provider) == Outcome("", "upstream_error")
        assert len(server.asked) - 1 == 1 + 1 + QUICK.max_retries

    async def test_u60_the_budget_bounds_what_is_sent_where_none_is_answered_in_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sidecar.http_pool.exchange._SOON_SECONDS", -1.0)

        def one_in_three(asked: Asked) -> None:
            asked.cut() if len(server.asked) % 3 == 0 else OK(asked)

        with running(OK, one_in_three) as server:
            async with opened(server.url, SIDECAR_SPARE_CONNECTIONS="2") as provider:
                for _ in range(100):
                    await outcome(provider)
        assert 110 < len(server.asked) <= 100 + 10 + 10

    async def test_u60_what_is_sent_unseen_is_a_retry_too(self) -> None:
        """30 in 100 requests are read and then cut, at once and without a byte."""
        chance = random.Random(7)

        def brown_out(asked: Asked) -> None:
            asked.cut() if chance.random() < 0.3 else OK(asked)

        with running(brown_out) as server:
            async with opened(server.url, SIDECAR_SPARE_CONNECTIONS="2") as provider:
                for _ in range(300):
                    await outcome(provider)
        assert 300 + 30 < len(server.asked) <= 1.1 * 300 + 10 + 1

    async def test_a_provider_that_starts_anew_costs_no_retries(self) -> None:
        """Four times as many connections as the budget has retries end at once, each when it is used."""
        count = 40

        def together(asked: Asked) -> None:
            arrived.wait(5)
            OK(asked)
            asked.connection.read_request(bytearray())
            asked.cut()

        arrived = threading.Barrier(count)
        with running(*[together] * count, OK) as server:
            async with opened(server.url) as provider:
                for _ in range(2):
                    outcomes: list[Outcome] = []
                    async with anyio.create_task_group() as tasks:
                        for _ in range(count):
                            tasks.start_soon(_note_outcome, provider, outcomes)
                    assert outcomes == [Outcome("ok", "stop")] * count
        assert len(server.asked) == 2 * count

    async def test_u50_what_is_left_on_one_is_nobodys_answer(self) -> None:
        def too_much(asked: Asked) -> None:
            stolen = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(good("stolen")) + good("stolen")
            body = good("ok")
            asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body) + stolen)
            asked.hold()

        with running(too_much) as server:
            async with opened(server.url) as provider:
                for _ in range(3):
                    assert await outcome(provider) == Outcome("ok", "stop")
        assert [asked.number for asked in server.asked] == [0, 1, 2]

    async def test_u25_what_follows_the_last_word_is_nobodys_answer(self) -> None:
        def talkative(asked: Asked) -> None:
            asked.head()
            asked.chunk(good("ok"))
            asked.pause(0.01)
            asked.chunk(A)
            asked.end()

        with running(talkative) as server:
            async with opened(server.url) as provider:
                for _ in range(3):
                    assert await outcome(provider) == Outcome("ok", "stop")

    async def test_u49_one_that_is_dead_without_a_word_runs_out_of_time(self) -> None:
        def mute_from_the_second_on(asked: Asked) -> None:
            if len(server.asked) == 1:
                OK(asked)
            else:
                asked.hold()

        with running(mute_from_the_second_on) as server:
            async with opened(server.url, replace(PATIENT, first_token_seconds=0.2)) as provider:
                assert await outcome(provider) == Outcome("ok", "stop")
                assert await outcome(provider) == Outcome("", "timeout_first_token")
        assert [asked.number for asked in server.asked] == [0, 0]

    async def test_errors_leave_them_usable(self) -> None:
        with running(status(400, {"error": "x"}), OK) as server:
            async with opened(server.url) as provider:
                await outcome(provider)
                assert await outcome(provider) == Outcome("ok", "stop")
        assert [asked.number for asked in server.asked] == [0, 0]


async def _note_outcome(provider: RemoteProvider, into: list[Outcome]) -> None:
    into.append(await outcome(provider))


@contextmanager
def unreachable() -> Iterator[str]:
    """Give an address where nobody listens, and nobody else can come to."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


async def test_u06_a_refused_connection() -> None:
    with unreachable() as url:
        async with opened(url) as provider:
            assert await outcome(provider) == Outcome("", "upstream_connect")


async def test_u07_a_connection_that_nobody_accepts() -> None:
    with closing(socket.socket()) as full, closing(socket.socket()) as first, closing(socket.socket()) as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        async with opened(url, replace(PATIENT, connect_seconds=0.1)) as provider:
            assert await outcome(provider) == Outcome("", "timeout_connect")


async def test_u56_a_proxy_that_is_not_there() -> None:
    with unreachable() as url:
        async with opened("https://provider.invalid", SIDECAR_PROXY=url) as provider:
            assert await outcome(provider) == Outcome("", "upstream_connect")


async def test_u01_a_name_that_is_not_there() -> None:
    async with opened("https://nowhere.invalid") as provider:
        assert await outcome(provider) == Outcome("", "upstream_dns")


@pytest.mark.parametrize(("wish", "seconds"), [("11", 11.0), ("1000000000", 86_400.0)])
async def test_u32_a_pause_that_is_too_long_is_passed_on(wish: str, seconds: float) -> None:
    with running(status(429, Retry_After=wish)) as server:
        async with opened(server.url) as provider:
            with pytest.raises(SidecarError) as caught:
                await ask(provider)
            assert caught.value.retry_after == seconds


async def test_u53_ten_thousand_deltas_do_not_hold_the_others_up() -> None:
    async def longest_wait() -> float:
        longest, last = 0.0, anyio.current_time()

        async def watch() -> None:
            nonlocal longest, last
            while True:
                await anyio.lowlevel.checkpoint()
                longest, last = max(longest, anyio.current_time() - last), anyio.current_time()

        async with opened(server.url) as provider, anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            assert "".join((await ask(provider))[0]) == "0123456789" * 1000
            tasks.cancel_scope.cancel()
        return longest

    with running(stream(TEN_THOUSAND + STOP + DONE)) as server:
        assert await quickest_of(longest_wait, goal=0.1) < 0.1


async def test_a_message_of_the_provider_reaches_the_person_without_the_key() -> None:
    echo = {"error": {"message": "model \x1b[1m `x` is unknown to sk-canary0123456789ABCDEF"}}
    with running(status(404, echo)) as server:
        async with opened(server.url) as provider:
            with pytest.raises(SidecarError, match=r"\(status 404\): model \[1m `x` is unknown to \*\*\*\Z"):
                await ask(provider)


async def test_two_at_once_learn_the_same_and_both_get_their_answer() -> None:
    both = threading.Barrier(2)

    def strict(asked: Asked) -> None:
        if "stream_options" in asked.json:
            both.wait(5)
            status(400, {"error": {"message": "Unknown parameter: 'stream_options'"}})(asked)
        else:
            OK(asked)

    with running(strict) as server:
        async with opened(server.url) as provider, anyio.create_task_group() as tasks:
            tasks.start_soon(ask, provider)
            tasks.start_soon(ask, provider)
        assert len(server.asked) == 4


async def test_u03_a_private_address_is_refused_where_that_is_wanted() -> None:
    async with opened("https://10.255.255.1/v1", SIDECAR_DENY_PRIVATE="on") as provider:
        assert await outcome(provider) == Outcome("", "upstream_connect")
