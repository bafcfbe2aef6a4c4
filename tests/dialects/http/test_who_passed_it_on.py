"""HTTP/1.0, proxies and browsers: what is let in on which socket."""

import pytest

from sidecar.secret import Secret
from sidecar.session import Peer
from tests.dialects.http.talking import Talk, write
from tests.session.house import open_house

pytestmark = pytest.mark.anyio


QUESTION = {"content": "What is a prime?"}


TCP = Peer(name="tcp", token=Secret("right"), hosts=frozenset({"127.0.0.1:8081"}))


HOST = {"Host": "127.0.0.1:8081"}


async def test_on_tcp_every_request_needs_the_token_but_one() -> None:
    async with open_house() as house:
        assert (await Talk(house, peer=TCP).ask("GET", "/livez", fields=HOST)).status == 200
        for fields in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "right"}):
            talk = Talk(house, peer=TCP)
            response = await talk.ask("POST", "/chat", QUESTION, HOST | fields)
            assert (response.status, response.json()["code"]) == (401, "unauthorized")
            assert response.fields["www-authenticate"] == "Bearer"
            await talk.client.finished()
        talk = Talk(house, peer=TCP)
        talk.send("POST", "/chat", QUESTION, HOST | {"Authorization": "bearer right"})
        (await house.next_call()).finish()
        assert (await talk.response()).status == 200
        assert (await talk.ask("POST", "/chat", QUESTION, HOST)).status == 401


async def test_http_1_0_is_answered_without_chunks_until_the_connection_ends() -> None:
    async with open_house() as house:
        talk = Talk(house, peer=Peer(name="tcp", hosts=frozenset({"localhost"})))
        body = b'{"content":"Hi","stream":true}'
        talk.client.stream.deliver(write("POST", "/chat", body).replace(b"HTTP/1.1", b"HTTP/1.0"))
        call = await house.next_call()
        call.say("A number.")
        call.finish()
        await talk.client.finished()
        head, _, events = bytes(talk.client.stream.arrived).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nConnection: close" in head
        assert b"Transfer-Encoding" not in head
        assert events.startswith(b"event: start\ndata: {")
        assert events.endswith(b"}\n\n")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Forwarded-For", "203.0.113.7"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Whatever", ""),
        ("Forwarded", "for=203.0.113.7"),
        ("Via", "1.1 proxy"),
        ("X-Real-IP", "203.0.113.7"),
    ],
)
async def test_what_a_proxy_says_that_it_passed_on_is_refused_on_both_sockets(name: str, value: str) -> None:
    async with open_house() as house:
        for talk in (Talk(house), Talk(house, peer=Peer(name="tcp", hosts=frozenset({"localhost"})))):
            response = await talk.ask("GET", "/health", fields={name: value})
            assert (response.status, response.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Origin", "null"),
        ("Sec-Fetch-Site", "none"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Referer", "http://localhost/"),
        ("Cookie", "MoodleSession=1"),
    ],
)
async def test_what_only_a_browser_says_did_not_come_by_the_unix_socket_of_itself(name: str, value: str) -> None:
    async with open_house() as house:
        response = await Talk(house).ask("POST", "/chat", QUESTION, {name: value})
        assert (response.status, response.json()["code"]) == (403, "forbidden")
        assert not house.provider.calls


async def test_http_1_0_is_what_nginx_speaks_and_nobody_else_by_the_unix_socket() -> None:
    async with open_house() as house:
        talk = Talk(house)
        talk.client.stream.deliver(write("GET", "/health").replace(b"HTTP/1.1", b"HTTP/1.0"))
        await talk.client.finished()
        assert bytes(talk.client.stream.arrived).startswith(b"HTTP/1.1 403 ")
