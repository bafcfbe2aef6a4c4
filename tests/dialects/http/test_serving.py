"""Requests by HTTP, from their bytes to the bytes of their answers."""

import anyio
import pytest

from protocol.errors import STATUS, Code
from sidecar.errors import NotConfigured, UpstreamRateLimited
from tests.dialects.http.talking import Talk, write
from tests.session.house import in_virtual_time, open_house, settle

pytestmark = pytest.mark.anyio

QUESTION = {"content": "What is a prime?"}
SSE = {"Accept": "text/event-stream"}
ACTIONS = ("chat", "summarize", "analyze")


async def test_whoever_asks_whether_the_process_lives_is_answered() -> None:
    async with open_house() as house:
        talk = Talk(house)
        response = await talk.ask("GET", "/livez")
        assert (response.status, response.body) == (200, b"ok\n")
        assert (await talk.ask("HEAD", "/livez")).body == b""
        assert (await talk.ask("GET", "/livez")).body == b"ok\n"


@pytest.mark.parametrize("action", ACTIONS)
async def test_an_action_has_a_path_and_a_plain_answer(action: str) -> None:
    async with open_house() as house:
        talk = Talk(house)
        for request in (QUESTION, QUESTION | {"action": action, "id": "7"}):
            talk.send("POST", f"/{action}", request)
            call = await house.next_call()
            assert call.prompt.action == action
            call.say("A ", "number.")
            call.finish()
            response = await talk.response()
            assert response.status == 200
            assert response.fields["content-type"] == "application/json"
            answer = response.json()
            assert (answer["success"], answer["data"], answer.get("id")) == (True, "A number.", request.get("id"))


@pytest.mark.parametrize(("request_", "fields"), [(QUESTION | {"stream": True}, {}), (QUESTION, SSE)])
@pytest.mark.parametrize("path", ["/chat", "/ai"])
async def test_a_stream_is_server_sent_events(path: str, request_: dict[str, object], fields: dict[str, str]) -> None:
    async with open_house() as house:
        talk = Talk(house)
        talk.send("POST", path, request_ | {"action": "chat"}, fields)
        (start,) = await talk.events(1)
        assert (start.name, start.data["event"], start.id) == ("start", "start", None)
        call = await house.next_call()
        call.say("A ")
        assert [(e.name, e.id, e.data["text"]) for e in (await talk.events(2))[1:]] == [("delta", "1", "A ")]
        call.say("number.")
        call.finish()
        response = await talk.response()
        assert response.status == 200
        assert response.fields["content-type"] == "text/event-stream"
        assert response.fields["cache-control"] == "no-store, no-transform"
        assert response.fields["x-accel-buffering"] == "no"
        assert [event.name for event in response.events()] == ["start", "delta", "delta", "done"]
        assert response.events()[2].id == "2"
        assert (await talk.ask("GET", "/livez")).status == 200


async def test_silence_is_broken_by_a_comment() -> None:
    @in_virtual_time
    async def check() -> None:
        async with open_house() as house:
            talk = Talk(house)
            talk.send("POST", "/chat", QUESTION, SSE)
            await talk.events(1)
            await anyio.sleep(25)
            assert talk.responses[-1].body.endswith(b"}\n\n:\n\n:\n\n")
            (await house.next_call()).finish()
            await talk.response()

    await anyio.to_thread.run_sync(check)


async def test_a_failure_has_the_status_of_its_code() -> None:
    async with open_house() as house:
        talk = Talk(house)
        for fields in ({}, SSE):
            response = await talk.ask("POST", "/chat", {"content": " "}, fields)
            assert (response.status, response.json()["code"]) == (400, "invalid_parameter")
            assert response.fields["content-type"] == "application/json"
        talk.send("POST", "/chat", QUESTION)
        (await house.next_call()).fail(UpstreamRateLimited("Too many.", retry_after=2.5))
        response = await talk.response()
        assert (response.status, response.json()["retry_after"]) == (STATUS[Code.UPSTREAM_RATE_LIMITED], 2.5)
        assert response.fields["retry-after"] == "3"


@pytest.mark.parametrize("body", [b"{", b"[]", b"", b'"x"', b'{"action":"chat"'])
async def test_a_body_that_is_no_object_is_a_bad_request_everywhere(body: bytes) -> None:
    async with open_house() as house:
        talk = Talk(house)
        for path in ("/ai", "/chat"):
            response = await talk.ask("POST", path, body)
            assert response.status == 400
            assert response.json() == {"success": False, "error": "Invalid JSON request", "code": "bad_message"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "unknown_action"),
        ({"action": "sing"}, "unknown_action"),
        ({"action": "chat"}, "bad_message"),
        ({"action": "chat", "content": 1}, "bad_message"),
        ({"action": "chat", "content": "Hi", "x": 1}, "bad_message"),
        ({"action": "chat", "content": ""}, "invalid_parameter"),
        ({"action": "chat", "content": "", "stream": True}, "invalid_parameter"),
        ({"action": "cancel", "id": "1"}, "invalid_parameter"),
        ({"action": "cancel", "reply": "r_1"}, "not_found"),
        ({"action": "resume", "reply": "r_1"}, "not_found"),
    ],
)
async def test_the_old_path_answers_every_object_with_200(body: dict[str, object], code: str) -> None:
    async with open_house() as house:
        talk = Talk(house)
        response = await talk.ask("POST", "/ai", body)
        assert (response.status, response.json()["success"], response.json()["code"]) == (200, False, code)


async def test_the_old_path_answers_200_when_the_provider_fails() -> None:
    async with open_house() as house:
        talk = Talk(house)
        body = {"action": "chat", "content": "Hi", "context": None, "user_id": 7}
        talk.send("POST", "/ai", body)
        (await house.next_call()).fail(NotConfigured("No."))
        response = await talk.response()
        assert (response.status, response.json()["success"]) == (200, False)


async def test_an_action_in_a_body_must_be_that_of_the_path() -> None:
    async with open_house() as house:
        response = await Talk(house).ask("POST", "/chat", QUESTION | {"action": "analyze"})
        assert (response.status, response.json()["code"]) == (400, "bad_message")


@pytest.mark.parametrize("fields", [{}, SSE, {"Connection": "close"}])
@pytest.mark.parametrize("leave", ["end", "leave", "reset"])
async def test_a_client_that_leaves_cancels_its_call(fields: dict[str, str], leave: str) -> None:
    async with open_house() as house:
        talk = Talk(house)
        talk.send("POST", "/chat", QUESTION, fields)
        call = await house.next_call()
        getattr(talk.client.stream, leave)()
        await call.left()
        assert call.was_cancelled


async def test_requests_that_come_at_once_are_answered_in_turn() -> None:
    async with open_house() as house:
        talk = Talk(house)
        talk.send("POST", "/chat", QUESTION | {"id": "a"}, SSE)
        talk.send("POST", "/chat", QUESTION | {"id": "b"})
        talk.send("GET", "/livez")
        first = await house.next_call()
        await settle()
        assert len(house.provider.calls) == 1
        first.say("1")
        first.finish()
        (await house.next_call()).finish()
        await talk.response()
        assert [response.status for response in talk.responses] == [200, 200, 200]
        assert talk.responses[1].json()["id"] == "b"


async def test_after_close_nothing_more_is_served() -> None:
    async with open_house() as house:
        talk = Talk(house)
        talk.send("POST", "/chat", QUESTION, {"Connection": "close"})
        talk.client.stream.deliver(write("GET", "/livez"))
        (await house.next_call()).finish()
        response = await talk.response()
        assert response.fields["connection"] == "close"
        await talk.client.finished()
        assert len(talk.responses) == 1


async def test_a_refusal_waits_for_the_answers_before_it_and_closes() -> None:
    async with open_house() as house:
        talk = Talk(house)
        talk.send("POST", "/chat", QUESTION, SSE)
        call = await house.next_call()
        talk.send("OPTIONS", "/chat")
        talk.send("GET", "/livez")
        call.say("text")
        call.finish()
        await talk.client.finished()
        assert [response.status for response in talk.responses] == [200, 405]
        assert talk.responses[1].fields["connection"] == "close"


async def test_a_body_that_is_announced_is_asked_for_once_its_head_is_let_in() -> None:
    async with open_house() as house:
        talk = Talk(house)
        request = write("POST", "/chat", b'{"content":"Hi"}', {"Expect": "100-continue"})
        at = request.index(b"\r\n\r\n") + 4
        talk.client.stream.deliver(request[:at])
        await talk.client.stream.changes.until(lambda: talk.client.stream.arrived)
        assert talk.client.stream.arrived == b"HTTP/1.1 100 Continue\r\n\r\n"
        talk.client.stream.deliver(request[at:])
        (await house.next_call()).finish()


@pytest.mark.parametrize("path", ["/nowhere", "/chat", "/v1/nowhere"])
async def test_a_refusal_of_head_has_no_body(path: str) -> None:
    async with open_house() as house:
        client = house.welcome()
        client.stream.deliver(write("HEAD", path))
        await client.finished()
        head, end, body = bytes(client.stream.arrived).partition(b"\r\n\r\n")
        assert (head[9:12] in (b"404", b"405"), end, body) == (True, b"\r\n\r\n", b"")
        assert b"Content-Length: 0" not in head


async def test_a_bad_request_behind_head_is_told_why() -> None:
    async with open_house() as house:
        client = house.welcome()
        client.stream.deliver(write("HEAD", "/livez") + b"GET /livez HTTP/1.1\r\n\r\n")
        await client.finished()
        assert bytes(client.stream.arrived).endswith(b"}\n")


async def test_who_says_that_he_wants_no_stream_gets_none_whatever_he_accepts() -> None:
    async with open_house() as house:
        talk = Talk(house)
        talk.send("POST", "/chat", QUESTION | {"stream": False}, {"Accept": "application/json, text/event-stream"})
        (await house.next_call()).finish()
        response = await talk.response()
        assert (response.status, response.fields["content-type"]) == (200, "application/json")
