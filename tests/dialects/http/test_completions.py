"""`/v1` without OpenAI's package: the bytes of its answers. tests/e2e has the package."""

import anyio
import msgspec
import pytest

from protocol.messages import Delta, Progress, Start, Usage
from sidecar.dialects.http.completion_forms import ChunksForm
from sidecar.dialects.http.guard import HeadGuard
from sidecar.errors import Truncated, UpstreamRateLimited
from tests.dialects.http.talking import Talk, write
from tests.session.house import in_virtual_time, open_house, settle

pytestmark = pytest.mark.anyio

PATH = "/v1/chat/completions"
ASKED = {"model": "gated-1", "messages": [{"role": "user", "content": "Hi"}]}
STREAM = ASKED | {"stream": True}


def data_of(body: bytes) -> list[dict[str, object] | str]:
    """Return what stands in each event."""
    *events, rest = body.decode().split("\n\n")
    assert rest == ""
    texts = [event.removeprefix("data: ") for event in events if not event.startswith(":")]
    return [text if text == "[DONE]" else msgspec.json.decode(text) for text in texts]


async def test_a_completion_has_all_that_clients_read() -> None:
    async with open_house() as house:
        talk = Talk(house)
        talk.send("POST", PATH, ASKED)
        call = await house.next_call()
        assert (call.prompt.system, call.prompt.paced) == ("", False)
        call.say("A ", "number.")
        call.finish("length", Usage(prompt_tokens=3, completion_tokens=2))
        response = await talk.response()
        answer = response.json()
        assert response.status == 200
        assert str(answer.pop("id")).startswith("chatcmpl-")
        assert isinstance(answer.pop("created"), int)
        assert str(answer.pop("system_fingerprint")).startswith("openai-moodle-sidecar-")
        message = {"content": "A number.", "role": "assistant", "refusal": None}
        choice = {"message": message, "finish_reason": "length", "index": 0, "logprobs": None}
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        assert answer == {"object": "chat.completion", "model": "gated-1", "choices": [choice], "usage": usage}


@pytest.mark.parametrize("includes_usage", [False, True])
async def test_a_stream_is_chunks_of_one_id_and_then_done(includes_usage: bool) -> None:
    async with open_house() as house:
        talk = Talk(house)
        talk.send("POST", PATH, STREAM | ({"stream_options": {"include_usage": True}} if includes_usage else {}))
        call = await house.next_call()
        await settle()
        assert talk.client.stream.arrived == b""
        call.say("A ", "number.")
        call.finish("filtered", Usage(prompt_tokens=3, completion_tokens=2))
        response = await talk.response()
        assert (response.status, response.fields["content-type"]) == (200, "text/event-stream")
        *chunks, done = data_of(response.body)
        assert done == "[DONE]"
        assert len({(chunk["id"], chunk["created"]) for chunk in chunks if isinstance(chunk, dict)}) == 1
        choices = [chunk["choices"] for chunk in chunks if isinstance(chunk, dict)]
        deltas = [{"role": "assistant", "content": "A "}, {"content": "number."}, {}]
        reasons = [None, None, "content_filter"]
        assert choices[:3] == [
            [{"delta": delta, "finish_reason": reason, "index": 0, "logprobs": None}]
            for delta, reason in zip(deltas, reasons, strict=True)
        ]
        assert choices[3:] == [[]] * includes_usage
        usages = [chunk.get("usage", "none") for chunk in chunks if isinstance(chunk, dict)]
        total = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        assert usages == ([None, None, None, total] if includes_usage else ["none"] * 3)


async def test_an_empty_stream_says_who_speaks() -> None:
    async with open_house() as house:
        talk = Talk(house)
        talk.send("POST", PATH, STREAM)
        (await house.next_call()).finish("refused")
        first, last, _ = data_of((await talk.response()).body)
        assert isinstance(first, dict)
        assert isinstance(last, dict)
        assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}  # type: ignore[index]
        assert last["choices"][0]["finish_reason"] == "stop"  # type: ignore[index]


@pytest.mark.parametrize("asked", [ASKED, STREAM])
async def test_what_fails_before_its_first_text_has_its_status(asked: dict[str, object]) -> None:
    async with open_house() as house:
        talk = Talk(house)
        talk.send("POST", PATH, asked)
        (await house.next_call()).fail(UpstreamRateLimited("Too many.", retry_after=1.5))
        response = await talk.response()
        assert (response.status, response.fields["retry-after"]) == (429, "2")
        error = {"message": "Too many.", "type": "rate_limit_error", "code": "upstream_rate_limited", "param": None}
        assert response.json() == {"error": error}


async def test_what_fails_later_ends_the_stream_with_an_error() -> None:
    async with open_house() as house:
        talk = Talk(house)
        talk.send("POST", PATH, STREAM)
        call = await house.next_call()
        call.say("A ")
        call.fail(Truncated("It broke off."))
        _, error = data_of((await talk.response()).body)
        body = {"message": "It broke off.", "type": "server_error", "code": "truncated", "param": None}
        assert error == {"error": body}


@pytest.mark.parametrize(
    ("asked", "code", "kind"),
    [
        (ASKED | {"n": 2}, "invalid_parameter", "invalid_request_error"),
        (STREAM | {"model": "other"}, "invalid_parameter", "invalid_request_error"),
        ({"model": "m"}, "bad_message", "invalid_request_error"),
        (b"no JSON", "bad_message", "invalid_request_error"),
    ],
)
async def test_a_refusal_is_one_of_openais(asked: object, code: str, kind: str) -> None:
    async with open_house() as house:
        talk = Talk(house)
        response = await talk.ask("POST", PATH, asked)
        error = response.json()["error"]
        assert isinstance(error, dict)
        assert (response.status, error["code"], error["type"]) == (400, code, kind)
        assert (await talk.ask("POST", PATH, {}, {"Content-Type": "text/plain"})).status == 415
        assert "error" in talk.responses[-1].json()


async def test_models_are_those_of_the_provider() -> None:
    async with open_house() as house:
        talk = Talk(house)
        response = await talk.ask("GET", "/v1/models")
        model = {"id": "gated-1", "created": 0, "owned_by": "gated", "object": "model"}
        assert response.json() == {"object": "list", "data": [model]}
        assert (await talk.ask("HEAD", "/v1/models")).body == b""


@in_virtual_time
async def test_a_long_silence_begins_the_stream() -> None:
    async with open_house() as house:
        talk = Talk(house)
        talk.send("POST", PATH, STREAM)
        call = await house.next_call()
        await anyio.sleep(21)
        assert talk.responses[-1].body == b":\n\n:\n\n"
        call.fail(Truncated("It broke off."))
        response = await talk.response()
        assert response.status == 200
        assert len(data_of(response.body)) == 1


async def test_progress_is_nothing_to_openais_clients() -> None:
    found = HeadGuard().next_head(bytearray(write("POST", PATH)))
    assert found is not None
    form = ChunksForm(found[0], includes_usage=False)
    assert form.encode([Start(reply="r_1", model="m"), Progress(stage="reading", done=1, total=2)]) == b""
    assert form.encode([Delta(seq=1, text="A")]).startswith(b"HTTP/1.1 200 OK\r\n")
