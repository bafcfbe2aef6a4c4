"""What holds of connections in every dialect, in HTTP: clocks, bounds, slow readers, bytes that come in any pieces."""

import random
import re

import anyio
import msgspec
import pytest

from sidecar.secret import Secret
from sidecar.session import ByteBudget, Peer
from tests.dialects.http.talking import Talk, parse, write
from tests.session.fakes import EchoingProvider
from tests.session.house import House, in_virtual_time, open_house, settle

pytestmark = pytest.mark.anyio

QUESTION = {"content": "What is a prime?"}
STREAM = QUESTION | {"stream": True}
STRANGER = Peer(name="tcp", token=Secret("right"), hosts=frozenset({"localhost"}))
RIGHT = {"Authorization": "Bearer right"}

HALF_A_HEAD = b"POST /chat HTTP/1.1\r\nHost: local"
HALF_A_BODY = write("POST", "/chat", b'{"content":"Hi"}')[:-1]


def first_line(talk: Talk) -> bytes:
    return bytes(talk.client.stream.arrived).partition(b"\r\n")[0]


@in_virtual_time
async def test_a_request_that_is_not_whole_in_time_is_told_so() -> None:
    async with open_house() as house:
        for part in (b"P", HALF_A_HEAD, HALF_A_BODY):
            talk = Talk(house)
            for byte in part[:8]:
                talk.client.stream.deliver(bytes([byte]))
                await anyio.sleep(1)
            talk.client.stream.deliver(part[8:])
            await anyio.sleep(10 - len(part[:8]) - 0.01)
            assert not talk.client.stream.arrived
            await anyio.sleep(0.02)
            assert first_line(talk) == b"HTTP/1.1 408 Request Timeout"
            assert talk.client.stream.is_finished


@in_virtual_time
async def test_a_kept_connection_without_a_request_is_closed_without_a_word() -> None:
    async with open_house() as house:
        talk = Talk(house)
        await talk.ask("GET", "/livez")
        said = len(talk.client.stream.arrived)
        await anyio.sleep(299)
        assert not talk.client.has_ended()
        await anyio.sleep(2)
        assert talk.client.has_ended()
        assert len(talk.client.stream.arrived) == said


@in_virtual_time
async def test_a_running_answer_is_not_cut_by_a_later_request_that_stays_unfinished() -> None:
    async with open_house() as house:
        talk = Talk(house)
        talk.send("POST", "/chat", STREAM)
        call = await house.next_call()
        call.say("A number")
        await talk.events(2)
        talk.client.stream.deliver(HALF_A_HEAD)
        await anyio.sleep(12)
        # The connection is given up, and nothing stands in the middle of the answer that could be taken for part of it.
        assert talk.client.has_ended()
        assert b"408" not in talk.client.stream.arrived
        assert not talk.responses[-1].is_whole
        assert call.was_cancelled


@pytest.mark.parametrize("asked", [QUESTION, STREAM])
async def test_a_client_that_reads_nothing_is_cut_and_its_call_is_left(asked: dict[str, object]) -> None:
    async with open_house(stall_seconds=0.02) as house:
        talk = Talk(house, room=10)
        talk.send("POST", "/chat", asked)
        call = await house.next_call()
        call.say("x" * 1000)
        if asked is QUESTION:
            call.finish()
        await talk.client.ended()
        await call.left()


async def test_a_slow_reader_lags_in_its_log_and_gets_everything() -> None:
    async with open_house() as house:
        talk = Talk(house, room=0)
        talk.send("POST", "/chat", STREAM)
        call = await house.next_call()
        for _ in range(90):
            call.say("x" * 10_000 + "\n")
            await settle()
        call.finish()
        await call.left()  # the provider was held up by nobody
        talk.client.stream.take(float("inf"))
        response = await talk.response()
        text = "".join(str(event.data["text"]) for event in response.events() if event.name == "delta")
        assert text == ("x" * 10_000 + "\n") * 90


async def test_bytes_of_requests_are_bounded_and_let_go() -> None:
    async with open_house(unfinished=ByteBudget(1000), max_payload_bytes=5000) as house:
        talk = Talk(house)
        talk.client.stream.deliver(write("POST", "/chat", b" " * 2000))
        await talk.client.finished()
        assert first_line(talk) == b"HTTP/1.1 503 Service Unavailable"
        assert b"\r\nRetry-After: 1\r\n" in talk.client.stream.arrived
        talk.client.stream.leave()
        await talk.client.ended()
        assert (await Talk(house).ask("POST", "/chat", b" " * 500)).status == 400
        large = Talk(house)
        large.client.stream.deliver(b"POST /chat HTTP/1.1\r\nHost: a\r\nContent-Length: 5001\r\n")
        large.client.stream.deliver(b"Content-Type: application/json\r\n\r\n")
        await large.client.finished()
        assert first_line(large) == b"HTTP/1.1 413 Request Entity Too Large"


async def test_strangers_have_a_budget_of_their_own_and_leave_it_with_the_token() -> None:
    budget = ByteBudget(1000)
    async with open_house(unfinished_of_strangers=budget) as house:
        authorized: list[bool] = []
        peer = Peer(
            name="tcp", token=STRANGER.token, hosts=STRANGER.hosts, on_authorized=lambda: authorized.append(True)
        )
        talk = Talk(house, peer=peer)
        request = write("POST", "/chat", msgspec.json.encode(QUESTION), RIGHT)
        talk.client.stream.deliver(request[:-1])
        await settle()
        assert not authorized
        assert budget.used_bytes == len(request) - 1
        talk.client.stream.deliver(request[-1:])
        call = await house.next_call()
        assert authorized == [True]
        assert budget.used_bytes == 0
        assert house.limits.unfinished.used_bytes > 0
        call.finish()
        await settle()
        assert first_line(talk) == b"HTTP/1.1 200 OK"
        crowd = Talk(house, peer=STRANGER)
        crowd.client.stream.deliver(write("POST", "/chat", b" " * 2000, RIGHT))
        await crowd.client.finished()
        assert first_line(crowd) == b"HTTP/1.1 503 Service Unavailable"


@pytest.mark.parametrize("fields", [{}, {"Authorization": "Bearer wrong"}, RIGHT])
async def test_what_needs_no_token_keeps_no_connection_where_there_is_one(fields: dict[str, str]) -> None:
    async with open_house() as house:
        talk = Talk(house, peer=STRANGER)
        response = await talk.ask("GET", "/livez", fields=fields)
        assert (response.status, response.fields.get("connection")) == (200, "close")
        await talk.client.finished()
        assert "connection" not in (await Talk(house).ask("GET", "/livez", fields=fields)).fields


@in_virtual_time
async def test_a_wrong_guess_at_the_token_costs_a_tenth_of_a_second() -> None:
    async with open_house() as house:
        began = anyio.current_time()
        talk = Talk(house, peer=STRANGER)
        assert (await talk.ask("GET", "/health", fields={"Authorization": "Bearer wrong"})).status == 401
        assert anyio.current_time() - began >= 0.1


async def test_a_restart_is_told_with_the_time_to_come_back() -> None:
    async with open_house() as house:
        house.service.is_draining = True
        for asked in (QUESTION, STREAM):
            response = await Talk(house).ask("POST", "/chat", asked)
            assert (response.status, response.json()["code"]) == (503, "draining")
            assert response.fields["retry-after"] == "5"
        assert (await Talk(house).ask("POST", "/ai", QUESTION | {"action": "chat"})).status == 200


async def test_requests_that_wait_are_not_asked_when_their_client_leaves() -> None:
    async with open_house() as house:
        talk = Talk(house)
        for _ in range(3):
            talk.send("POST", "/chat", QUESTION)
        call = await house.next_call()
        talk.client.stream.leave()
        await talk.client.ended()
        await call.left()
        assert len(house.provider.calls) == 1


@pytest.mark.parametrize("count", [100, 101, 102, 400])
@pytest.mark.parametrize("leaving", ["end", "leave", "reset"])
async def test_a_client_that_leaves_is_noticed_however_many_requests_it_has_sent_ahead(
    count: int, leaving: str
) -> None:
    async with open_house() as house:
        talk = Talk(house)
        talk.client.stream.deliver(write("POST", "/chat", msgspec.json.encode(QUESTION)) * count)
        call = await house.next_call()
        await settle()
        getattr(talk.client.stream, leaving)()
        await talk.client.ended()
        await call.left()
        assert len(house.provider.calls) == 1


async def test_more_requests_than_may_wait_are_answered_one_after_the_other() -> None:
    async with open_house(max_waiting=2) as house:
        talk = Talk(house)
        for _ in range(8):
            talk.send("POST", "/chat", QUESTION)
        for _ in range(8):
            call = await house.next_call()
            await settle()
            call.finish()
        assert (await talk.response()).status == 200


async def test_what_is_sent_ahead_is_bounded() -> None:
    async with open_house(max_waiting=2, max_payload_bytes=1000) as house:
        talk = Talk(house)
        request = write("POST", "/chat", msgspec.json.encode(QUESTION))
        talk.client.stream.deliver(request * 4)
        call = await house.next_call()
        talk.client.stream.deliver(request * 4)
        await settle()
        assert not call.has_left
        talk.client.stream.deliver(request * 4)
        await talk.client.finished()
        await call.left()


def conversation() -> tuple[bytes, list[str]]:
    """Return the bytes that a client sends, and the methods in them."""
    chunks = b'7\r\n{"conte\r\nA\r\nnt":"An x"\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n'
    requests = [
        ("POST", write("POST", "/chat", msgspec.json.encode({"content": "príme nümber 日本語 🙂", "stream": True}))),
        ("GET", write("GET", "/livez")),
        ("POST", write("POST", "/chat", fields={"Transfer-Encoding": "chunked", "Content-Type": "application/json"})),
        ("HEAD", write("HEAD", "/v1/models")),
        ("POST", write("POST", "/ai", b'{"action":"sing"}')),
        ("POST", write("POST", "/v1/chat/completions", b'{"messages":[{"role":"user","content":"Hi"}],"stream":true}')),
        ("POST", write("POST", "/summarize", b'{"content":" "}', {"Accept": "text/event-stream"})),
        ("POST", write("POST", "/analyze", b'{"content":"A text."}')),
        ("GET", write("GET", "/nowhere")),
    ]
    sent = [request + (chunks if b"chunked" in request else b"") for _, request in requests]
    return b"".join(sent), [method for method, _ in requests]


_CHANGES = re.compile(r'(r_|chatcmpl-)[\w-]+|"created":\d+|"overhead_ms":[\d.]+')


async def answers(house: House, step: int) -> list[tuple[int, str]]:
    """Return status and body of each answer, without what is another one each time."""
    sent, methods = conversation()
    sizes, at = random.Random(step), 0
    talk = Talk(house)
    while at < len(sent):
        size = step or sizes.randint(1, 60)
        talk.client.stream.deliver(sent[at : at + size])
        at += size
    await talk.client.finished()
    responses = parse(bytes(talk.client.stream.arrived), methods)
    assert [response.is_whole for response in responses] == [True] * len(methods)
    return [(response.status, _CHANGES.sub("_", response.body.decode())) for response in responses]


async def test_however_a_conversation_is_cut_its_answers_are_the_same() -> None:
    async with open_house(EchoingProvider(), max_waiting=3) as house:
        expected = await answers(house, 10**6)
        assert [status for status, _ in expected] == [200, 200, 200, 200, 200, 200, 400, 200, 404]
        for step in (0, 1, 2, 7):
            assert await answers(house, step) == expected


@pytest.mark.parametrize(("before", "status"), [("\r\n", 200), ("\n\r\n", 200), (" ", 400), ("\t\r\n", 400)])
async def test_line_ends_may_stand_before_the_first_request_and_blanks_may_not(before: str, status: int) -> None:
    async with open_house() as house:
        for pieces in ([before.encode(), write("GET", "/livez")], [before.encode() + write("GET", "/livez")]):
            client = house.welcome()
            for piece in pieces:
                client.stream.deliver(piece)
            await settle()
            assert client.stream.arrived.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(("size", "count"), [(1, 900), (256, 4000), (100_000, 40)])
async def test_a_body_may_come_in_a_thousand_small_chunks_and_in_any_number_of_others(size: int, count: int) -> None:
    body = msgspec.json.encode(QUESTION).ljust(size * count)
    chunks = b"".join(b"%x\r\n%s\r\n" % (size, body[at : at + size]) for at in range(0, len(body), size))
    async with open_house(EchoingProvider()) as house:
        talk = Talk(house)
        fields = {"Transfer-Encoding": "chunked", "Content-Type": "application/json"}
        talk.send("POST", "/chat", fields=fields)
        talk.client.stream.deliver(chunks + b"0\r\n\r\n")
        assert (await talk.response()).status == 200
