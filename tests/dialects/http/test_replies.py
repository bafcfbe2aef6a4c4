"""`/replies`: what PHP begins there, and what the web server's socket hands out."""

import pytest
from msgspec.structs import replace

from sidecar.replies import TicketLimits, TicketStore
from sidecar.secret import Secret
from sidecar.session import Peer
from tests.dialects.http.talking import Talk, write
from tests.session.house import PEER, House, open_house, settle

pytestmark = pytest.mark.anyio

CHAT = {"action": "chat", "content": "What is a prime?", "user_id": "42"}
WEB = replace(PEER, is_web_server=True)
PROXIED = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Host": "moodle.example", "Via": "1.1 proxy"}


def new_tickets() -> TicketStore:
    return TicketStore(TicketLimits(ticket_seconds=7))


async def begin(house: House, **fields: object) -> tuple[str, str]:
    """Begin a reply and return its name and its ticket."""
    response = await Talk(house).ask("POST", "/replies", CHAT | fields)
    assert response.status == 201, response
    named = response.json()
    return str(named["reply"]), str(named["ticket"])


async def ticket_for(house: House, reply: str, **fields: object) -> str:
    response = await Talk(house).ask("POST", f"/replies/{reply}/tickets", fields)
    assert response.status == 201, response
    return str(response.json()["ticket"])


# What PHP does, on the main socket.


async def test_a_reply_is_begun_and_its_names_come_at_once() -> None:
    async with open_house(tickets=new_tickets()) as house:
        talk = Talk(house)
        response = await talk.ask("POST", "/replies", CHAT)
        assert response.status == 201
        named = response.json()
        assert {*named} == {"reply", "ticket", "expires_in"}
        assert named["expires_in"] == 7
        call = await house.next_call()
        assert not call.has_left
        call.say("A number.")
        call.finish()
        await settle()
        collected = await talk.ask("POST", "/ai", {"action": "resume", "reply": named["reply"], "user_id": "42"})
        assert collected.json()["data"] == "A number."


@pytest.mark.parametrize("action", ["chat", "summarize", "analyze"])
async def test_it_goes_on_without_its_connection(action: str) -> None:
    async with open_house(tickets=new_tickets()) as house:
        talk = Talk(house)
        await talk.ask("POST", "/replies", CHAT | {"action": action, "stream": True, "detach": True, "ticket": True})
        call = await house.next_call()
        assert call.prompt.action == action
        talk.client.stream.leave()
        await settle()
        assert not call.has_left
        call.finish()


async def test_a_reply_without_a_ticket_needs_no_socket_for_it() -> None:
    async with open_house() as house:
        response = await Talk(house).ask("POST", "/replies", CHAT | {"ticket": False})
        assert (response.status, {*response.json()}) == (201, {"reply"})
        (await house.next_call()).finish()


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"detach": False}, 400, "invalid_parameter"),
        ({"action": "resume", "reply": "r_1"}, 400, "bad_message"),
        ({"action": "ping"}, 400, "bad_message"),
        ({"content": " "}, 400, "invalid_parameter"),
        ({"contents": "x"}, 400, "bad_message"),
    ],
)
async def test_what_cannot_be_begun_is_refused(fields: dict[str, object], status: int, code: str) -> None:
    async with open_house(tickets=new_tickets()) as house:
        response = await Talk(house).ask("POST", "/replies", CHAT | fields)
        assert (response.status, response.json()["code"]) == (status, code)


async def test_only_what_makes_a_text_can_be_begun() -> None:
    async with open_house(tickets=new_tickets()) as house:
        for body in ({"action": "ping"}, {"action": "resume", "reply": "r_1"}, {}):
            response = await Talk(house).ask("POST", "/replies", body)
            assert (response.status, response.json()["code"]) == (400, "unknown_action")


async def test_without_a_socket_for_the_web_server_there_are_no_tickets() -> None:
    async with open_house() as house:
        for path, body in (("/replies", CHAT), ("/replies/r_1/tickets", None)):
            response = await Talk(house).ask("POST", path, body)
            assert (response.status, response.json()["code"]) == (501, "unsupported")


async def test_another_ticket_is_given_to_whose_reply_it_is() -> None:
    async with open_house(tickets=new_tickets()) as house:
        reply, first = await begin(house)
        response = await Talk(house).ask("POST", f"/replies/{reply}/tickets")
        assert (response.status, {*response.json()}) == (201, {"ticket", "expires_in"})
        assert response.json()["ticket"] != first
        talk = Talk(house)
        for path, body, status in (
            (reply, {"user_id": 42, "after": 0}, 201),
            (reply, {"action": "ticket", "reply": reply}, 201),
            (reply, {"user_id": "43"}, 404),
            ("r_unknown", {}, 404),
            (reply, {"after": 1}, 400),
            (reply, {"afterwards": 0}, 400),
            (reply, {"action": "ping"}, 400),
            (reply, {"reply": "r_other"}, 400),
            (reply, b"[]", 400),
            ("r.x", {}, 400),
        ):
            assert (await talk.ask("POST", f"/replies/{path}/tickets", body)).status == status, (path, body)
        (await house.next_call()).finish()


async def test_a_reply_is_ended_by_its_name() -> None:
    async with open_house(tickets=new_tickets()) as house:
        reply, _ = await begin(house)
        call = await house.next_call()
        talk = Talk(house)
        response = await talk.ask("DELETE", f"/replies/{reply}")
        assert (response.status, response.body) == (204, b"")
        await call.left()
        assert (await talk.ask("DELETE", f"/replies/{reply}")).status == 204
        unknown = await talk.ask("DELETE", "/replies/r_unknown")
        assert (unknown.status, unknown.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/replies"), ("POST", "/replies/r_1/tickets"), ("DELETE", "/replies/r_1")]
)
async def test_on_tcp_each_needs_the_token(method: str, path: str) -> None:
    peer = Peer(name="test", token=Secret("letmein"), hosts=frozenset({"localhost"}))
    async with open_house(tickets=new_tickets()) as house:
        body = CHAT if path == "/replies" else None
        assert (await Talk(house, peer=peer).ask(method, path, body)).status == 401
        bearer = {"Authorization": "Bearer letmein"} | ({"Content-Type": "application/json"} if body else {})
        assert (await Talk(house, peer=peer).ask(method, path, body, bearer)).status in (201, 404)
        if body:
            (await house.next_call()).finish()


async def test_on_the_main_socket_a_ticket_opens_nothing() -> None:
    async with open_house(tickets=new_tickets()) as house:
        _, ticket = await begin(house)
        assert (await Talk(house).ask("GET", f"/replies/{ticket}")).status == 405
        talk = Talk(house, peer=WEB)
        talk.send("GET", f"/replies/{ticket}")
        await talk.events(1)
        (await house.next_call()).finish()
        assert (await talk.response()).status == 200


# What the web server gets, on its own.


async def test_a_ticket_opens_a_stream_of_its_reply() -> None:
    async with open_house(tickets=new_tickets()) as house:
        reply, ticket = await begin(house)
        talk = Talk(house, peer=WEB)
        talk.send("GET", f"/replies/{ticket}", None, PROXIED)
        (start,) = await talk.events(1)
        assert start.data == {"event": "start", "reply": reply, "model": "gated-1"}
        call = await house.next_call()
        call.say("A ")
        await talk.events(2)
        call.say("number.")
        call.finish()
        response = await talk.response()
        assert response.fields["content-type"] == "text/event-stream"
        assert [(e.name, e.id) for e in response.events()] == [
            ("start", None),
            ("delta", "1"),
            ("delta", "2"),
            ("done", None),
        ]


async def test_it_opens_once() -> None:
    async with open_house(tickets=new_tickets()) as house:
        _, ticket = await begin(house)
        first = Talk(house, peer=WEB)
        first.send("GET", f"/replies/{ticket}")
        await first.events(1)
        second = await Talk(house, peer=WEB).ask("GET", f"/replies/{ticket}")
        assert (second.status, second.json()["code"]) == (404, "not_found")
        assert second.fields["content-type"] == "application/json"
        (await house.next_call()).finish()
        assert (await first.response()).status == 200


async def test_a_tab_that_is_closed_leaves_the_reply_to_its_time_of_grace() -> None:
    async with open_house(tickets=new_tickets()) as house:
        reply, ticket = await begin(house)
        talk = Talk(house, peer=WEB)
        talk.send("GET", f"/replies/{ticket}")
        await talk.events(1)
        call = await house.next_call()
        talk.client.stream.leave()
        await settle()
        assert not call.has_left
        again = Talk(house, peer=WEB)
        again.send("GET", f"/replies/{await ticket_for(house, reply)}")
        await again.events(1)
        call.finish()
        await again.response()


@pytest.mark.parametrize(
    ("after", "last_event_id", "expected"),
    [(0, None, ["1", "2"]), (1, None, ["2"]), (2, None, []), (2, "", []), (1, "0", ["1", "2"]), (0, "1", ["2"])],
)
async def test_it_begins_behind_what_the_browser_has(
    after: int, last_event_id: str | None, expected: list[str]
) -> None:
    async with open_house(tickets=new_tickets()) as house:
        reply, _ = await begin(house)
        call = await house.next_call()
        call.say("A ", "number.")
        call.finish()
        await settle()
        fields = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
        ticket = await ticket_for(house, reply, after=after)
        response = await Talk(house, peer=WEB).ask("GET", f"/replies/{ticket}", None, fields)
        assert [event.id for event in response.events() if event.name == "delta"] == expected


@pytest.mark.parametrize("last_event_id", ["x", "-1", "1.5", "12345678901234567", "9", "9999999999999999"])
async def test_a_last_event_that_is_no_number_or_has_not_been_costs_no_ticket(last_event_id: str) -> None:
    async with open_house(tickets=new_tickets()) as house:
        _, ticket = await begin(house)
        talk = Talk(house, peer=WEB)
        wrong = await talk.ask("GET", f"/replies/{ticket}", None, {"Last-Event-ID": last_event_id})
        assert (wrong.status, wrong.json()["code"]) == (400, "invalid_parameter")
        (await house.next_call()).finish()
        assert (await talk.ask("GET", f"/replies/{ticket}")).status == 200


EVERYTHING_ELSE = [
    ("GET", "/"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/health"),
    ("GET", "/metrics"),
    ("GET", "/v1/models"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/ai"),
    ("POST", "/chat"),
    ("POST", "/summarize"),
    ("POST", "/analyze"),
    ("GET", "/replies"),
    ("POST", "/replies"),
    ("GET", "/replies/"),
    ("GET", "//replies/{ticket}"),
    ("GET", "/replies//{ticket}"),
    ("GET", "/replies/{ticket}/"),
    ("GET", "/REPLIES/{ticket}"),
    ("GET", "/replies/{reply}"),
    ("GET", "/replies/t_unknown"),
    ("HEAD", "/replies/{ticket}"),
    ("POST", "/replies/{ticket}"),
    ("DELETE", "/replies/{ticket}"),
    ("DELETE", "/replies/{reply}"),
    ("POST", "/replies/{reply}/tickets"),
    ("OPTIONS", "/"),
    ("OPTIONS", "/replies/{ticket}"),
    ("TRACE", "/replies/{ticket}"),
    ("PUT", "/replies/{ticket}"),
    ("SING", "/"),
]


async def test_everything_else_is_not_there_whoever_asks() -> None:
    async with open_house(tickets=new_tickets()) as house:
        reply, ticket = await begin(house)
        for method, path in EVERYTHING_ELSE:
            for fields in ({}, PROXIED, {"Authorization": "Bearer letmein", "Origin": "null"}):
                talk = Talk(house, peer=WEB)
                body = CHAT if method == "POST" else None
                json = {"Content-Type": "application/json"} if body else {}
                talk.send(method, path.format(reply=reply, ticket=ticket), body, json | fields)
                response = await talk.response()
                assert response.status == 404, (method, path, response)
                assert "allow" not in response.fields
        assert len(house.provider.calls) == 1  # nothing was begun, and nothing ended
        call = await house.next_call()
        assert not call.has_left
        call.finish()
        assert (await Talk(house, peer=WEB).ask("GET", f"/replies/{ticket}")).status == 200


@pytest.mark.parametrize(
    "first",
    [
        b'\x00\x00\x00\x11{"action":"ping"}',
        b'{"action":"ping"}\n',
        b'  \r\n {"action":"ping"}\n',
        b"\x16\x03\x01",
    ],
)
async def test_the_other_dialects_are_closed_without_a_word(first: bytes) -> None:
    async with open_house(tickets=new_tickets()) as house:
        client = house.welcome(peer=WEB)
        client.stream.deliver(first)
        await client.ended()
        assert bytes(client.stream.arrived) == b""


async def test_a_request_with_a_body_opens_nothing() -> None:
    async with open_house(tickets=new_tickets()) as house:
        _, ticket = await begin(house)
        client = house.welcome(peer=WEB)
        client.stream.deliver(write("GET", f"/replies/{ticket}", b'{"action":"ping"}'))
        await client.ended()
        assert bytes(client.stream.arrived).startswith(b"HTTP/1.1 400 ")
        (await house.next_call()).finish()
        assert (await Talk(house, peer=WEB).ask("GET", f"/replies/{ticket}")).status == 200


async def test_a_stream_may_be_followed_by_another_on_its_connection() -> None:
    """Apache may keep its connections."""
    async with open_house(tickets=new_tickets()) as house:
        reply, ticket = await begin(house)
        (await house.next_call()).finish()
        talk = Talk(house, peer=WEB)
        for each in (ticket, await ticket_for(house, reply)):
            assert (await talk.ask("GET", f"/replies/{each}")).status == 200
