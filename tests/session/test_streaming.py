import pytest
from msgspec import UNSET

from protocol.errors import Code
from protocol.messages import Delta, Done, Error, Failure, Start, Success, Usage
from sidecar.dialects import FRAMES, LINES, PayloadDialect
from sidecar.errors import NotConfigured, SidecarError
from tests.session.house import open_house, settle, text_of

pytestmark = pytest.mark.anyio

USAGE = Usage(prompt_tokens=5, completion_tokens=2)
NOTHING_SPENT = Usage(prompt_tokens=0, completion_tokens=0)

both_dialects = pytest.mark.parametrize("dialect", [FRAMES, LINES], ids=lambda dialect: dialect.name)


@both_dialects
async def test_a_streamed_chat_starts_before_the_provider_speaks_and_ends_once(dialect: PayloadDialect) -> None:
    async with open_house() as house:
        client = house.connect(dialect)
        client.chat("1", stream=True)
        start = await client.read_start()
        assert start == Start(id="1", reply=start.reply, model="gated-1")
        call = await house.next_call()
        call.say("A prime")
        assert await client.read() == Delta(id="1", seq=1, text="A prime")
        call.say(" number")
        assert await client.read() == Delta(id="1", seq=2, text=" number")
        call.finish(usage=USAGE)
        end = await client.read()
        assert isinstance(end, Done)
        assert end.overhead_ms is not None
        assert 0 < end.overhead_ms < 5000
        assert end == Done(id="1", finish_reason="stop", usage=USAGE, overhead_ms=end.overhead_ms)
        await settle()
        assert client.read_now() == []


@both_dialects
async def test_a_plain_chat_gets_one_answer_with_the_whole_text(dialect: PayloadDialect) -> None:
    async with open_house() as house:
        client = house.connect(dialect)
        client.chat("1")
        call = await house.next_call()
        call.say("A prime", " number")
        await settle()
        assert client.read_now() == []
        call.finish("length", USAGE)
        answer = await client.read()
        assert isinstance(answer, Success)
        assert answer == Success(
            success=True,
            data="A prime number",
            id="1",
            reply=answer.reply,
            model="gated-1",
            finish_reason="length",
            usage=USAGE,
            overhead_ms=answer.overhead_ms,
        )
        await settle()
        assert client.read_now() == []


async def test_a_request_without_id_has_events_and_answers_without_id() -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat(stream=True)
        call = await house.next_call()
        call.say("Hi")
        call.finish()
        await client.read_ends()
        client.chat()
        (await house.next_call()).finish()
        await client.read_ends()
        assert [message.id for message in client.messages] == [UNSET] * 4


async def test_requests_run_side_by_side_and_their_events_mix() -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat("a", stream=True)
        first = await house.next_call()
        client.chat("b", stream=True)
        second = await house.next_call()
        for text in ("1", "2", "3"):
            first.say(text)
            await settle()
            second.say(text)
            await settle()
        second.finish()
        await settle()
        first.finish()
        await client.read_ends(2)
        got = [(m.id, type(m).__name__) for m in client.messages if not isinstance(m, Start)]
        assert got == [("a", "Delta"), ("b", "Delta")] * 3 + [("b", "Done"), ("a", "Done")]
        assert text_of(client.messages, "a") == text_of(client.messages, "b") == "123"


async def test_connections_do_not_see_each_other() -> None:
    async with open_house() as house:
        clients = [house.connect(), house.connect(LINES), house.connect()]
        calls = []
        for number, client in enumerate(clients):
            client.chat("1", stream=True)
            calls.append(await house.next_call())
            calls[-1].say(f"for {number}")
        for call in calls:
            call.finish()
        for number, client in enumerate(clients):
            await client.read_ends()
            assert text_of(client.messages, "1") == f"for {number}"


@pytest.mark.parametrize("stream", [True, False])
async def test_what_is_refused_at_admission_has_only_its_error(stream: bool) -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat("1", "  ", stream=stream)
        end = await client.read()
        assert isinstance(end, Error if stream else Failure)
        assert (end.id, end.code, end.usage) == ("1", Code.INVALID_PARAMETER, NOTHING_SPENT)
        assert house.provider.calls == []


async def test_an_error_of_the_provider_ends_the_stream_after_its_text() -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat("1", stream=True)
        call = await house.next_call()
        call.say("so far")
        call.fail(NotConfigured("No key.", retry_after=1.23))
        (end,) = await client.read_ends()
        assert isinstance(end, Error)
        assert (end.code, end.message, end.retry_after) == (Code.NOT_CONFIGURED, "No key.", 1.3)
        assert end.usage is not None
        assert end.usage.estimated
        assert text_of(client.messages, "1") == "so far"


async def test_an_error_of_the_provider_leaves_the_text_in_the_plain_answer() -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat("1")
        call = await house.next_call()
        call.say("so ", "far")
        call.fail(NotConfigured("No key."))
        end = await client.read()
        assert isinstance(end, Failure)
        assert (end.code, end.error, end.partial, end.reply) == (Code.NOT_CONFIGURED, "No key.", "so far", None)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_bug_in_the_provider_is_internal_with_the_id_and_the_connection_lives(stream: bool) -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat("other", stream=True)
        other = await house.next_call()
        client.chat("1", stream=stream)
        (await house.next_call()).fail(ZeroDivisionError("canary"))
        (end,) = await client.read_ends()
        assert isinstance(end, Error if stream else Failure)
        assert (end.id, end.code) == ("1", Code.INTERNAL)
        assert house.bugs.take() == ["call failed provider=gated action=chat"]
        other.finish()
        (end,) = await client.read_ends()
        assert isinstance(end, Done)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_bug_in_an_action_is_internal_with_the_id_and_the_connection_lives(
    stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house() as house:
        client = house.connect()
        with monkeypatch.context() as patch:
            patch.setattr("sidecar.actions.new_marker", lambda: 1 / 0)
            client.chat("1", stream=stream)
            end = await client.read()
        assert isinstance(end, Error if stream else Failure)
        assert (end.id, end.code, end.usage) == ("1", SidecarError.code, NOTHING_SPENT)
        assert house.bugs.take() == ["request failed action=chat id=1"]
        client.chat("1", stream=stream)
        (await house.next_call()).finish()
        await client.read_ends()


async def test_a_bug_after_the_start_still_gives_one_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("sidecar.session.serving.end_event", fail)
    async with open_house() as house:
        client = house.connect()
        client.chat("1", stream=True)
        await client.read_start()
        (await house.next_call()).finish()
        end = await client.read()
        assert isinstance(end, Error)
        assert (end.id, end.code) == ("1", Code.INTERNAL)
        assert house.bugs.take() == ["request failed action=chat id=1"]
        await settle()
        assert client.read_now() == []


async def test_while_the_sidecar_drains_what_runs_goes_on_and_nothing_new_begins() -> None:
    async with open_house() as house:
        client = house.connect()
        client.chat("1", stream=True)
        await client.read_start()
        house.service.is_draining = True
        client.chat("2", stream=True)
        refusal = await client.read()
        assert isinstance(refusal, Error)
        assert (refusal.id, refusal.code, refusal.retry_after) == ("2", Code.DRAINING, 5.0)
        client.ask("ping", id="p")
        pong = await client.read()
        assert isinstance(pong, Done)
        assert pong.ready is False
        (await house.next_call()).finish()
        assert isinstance(await client.read(), Done)


async def test_a_large_reply_arrives_whole_and_in_order() -> None:
    async with open_house() as house:
        client = house.connect(room=1000)
        client.chat("1", stream=True)
        call = await house.next_call()
        texts = [f"{number:09} " * 1000 for number in range(60)]
        call.say(*texts)
        call.finish()
        await call.left()
        client.stream.take(10_000)
        await settle()
        client.stream.take(10_000_000)
        await client.read_ends()
        assert text_of(client.messages, "1") == "".join(texts)
        assert [m.seq for m in client.messages if isinstance(m, Delta)] == list(range(1, 61))
