"""`/replies`: what PHP begins there, and what the web server's socket hands out."""

import pytest

from sidecar.secret import Secret
from sidecar.session import Peer
from tests.dialects.http.talking import Talk
from tests.dialects.http.tickets import CHAT, WEB, begin, new_tickets
from tests.session.house import open_house, settle

pytestmark = pytest.mark.anyio


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
