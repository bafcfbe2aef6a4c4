"""The web server's socket: a ticket opens one stream, and there is nothing else."""

import pytest

from tests.dialects.http.talking import Talk, write
from tests.dialects.http.tickets import CHAT, PROXIED, WEB, begin, new_tickets, ticket_for
from tests.session.house import open_house, settle

pytestmark = pytest.mark.anyio


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
