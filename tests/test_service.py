import pytest

import sidecar
from protocol import PROTOCOL_VERSION
from protocol.errors import Code
from protocol.messages import Analyze, Chat, Done, Generate, SelfTest, Summarize
from sidecar.errors import (
    Draining,
    InvalidParameter,
    NotConfigured,
    Overloaded,
    SidecarError,
    TooLarge,
)
from tests.replies.fakes import GatedProvider, error_code, settle
from tests.service_house import DETACHED, KEYED, every_kind, open_house, resume

pytestmark = pytest.mark.anyio


# Admission.


@every_kind
async def test_an_admitted_request_has_a_reply_and_a_call(kind: type[Generate]) -> None:
    provider = GatedProvider()
    async with open_house(provider) as house:
        reply = house.service.open(kind(content="Hi"))
        call = await provider.next_call()
        assert call.prompt.action == kind.__name__.lower()
        assert (reply.end, reply.is_detached, reply.user_id, reply.readers) == (None, False, None, 1)
        house.service.leave(reply)
        await call.left()
        assert call.was_cancelled


@every_kind
async def test_a_draining_service_admits_nothing_and_serves_what_it_has(kind: type[Generate]) -> None:
    provider = GatedProvider()
    async with open_house(provider) as house:
        reply = house.service.open(DETACHED)
        house.service.is_draining = True
        error = house.refuse(kind(content="Hi"))
        assert (type(error), error.retry_after) == (Draining, 5)
        assert type(house.refuse(KEYED)) is Draining
        assert house.service.resume(resume(reply)) is reply
        assert house.service.cancel_by_reply(reply.id, None) == Done()


@every_kind
async def test_without_a_provider_a_request_is_told_how_to_configure_one(kind: type[Generate]) -> None:
    async with open_house(None) as house:
        error = house.refuse(kind(content="Hi"))
        assert type(error) is NotConfigured
        assert "SIDECAR_PROVIDER" in str(error)
        house.service.is_draining = True
        assert type(house.refuse(kind(content="Hi"))) is Draining


async def test_a_self_test_needs_no_provider() -> None:
    async with open_house(None) as house:
        reply = house.service.open(SelfTest(user_id=42, detach=True))
        assert (reply.user_id, reply.is_detached, reply.call.prompt.model) == ("42", True, "selftest")
        house.service.is_draining = True
        assert type(house.refuse(SelfTest())) is Draining


@every_kind
@pytest.mark.parametrize("detach", [None, False])
async def test_a_key_or_a_time_of_grace_without_detach_is_refused(kind: type[Generate], detach: bool | None) -> None:
    async with open_house(GatedProvider()) as house:
        error = house.refuse(kind(content="Hi", grace_seconds=0, detach=detach))
        assert type(error) is InvalidParameter
        assert "`grace_seconds`" in str(error)
        error = house.refuse(kind(content="Hi", key="k", detach=detach))
        assert type(error) is InvalidParameter
        assert "`key`" in str(error)
        assert "`detach`" in str(error)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (Chat(content=" "), InvalidParameter),
        (Chat(content="Hi", model="another"), InvalidParameter),
        (Chat(content="x" * 101), TooLarge),
        (Summarize(content="x" * 101), TooLarge),
    ],
    ids=["blank", "model", "long chat", "long text"],
)
async def test_what_an_action_refuses_begins_nothing(request_: Generate, error: type[SidecarError]) -> None:
    async with open_house(GatedProvider()) as house:
        assert type(house.refuse(request_)) is error


async def test_more_than_may_run_at_once_are_overloaded() -> None:
    async with open_house(GatedProvider(), max_running=1) as house:
        house.service.open(Chat(content="Hi"))
        assert type(house.refuse(Chat(content="Hi"))) is Overloaded


# Keys.


@every_kind
async def test_the_same_key_and_content_is_the_same_reply(kind: type[Generate]) -> None:
    provider = GatedProvider()
    async with open_house(provider) as house:
        first = house.service.open(kind(content="Hi", user_id="42", detach=True, key="k"))
        again = kind(id="2", token="t", content="Hi", user_id=42, course_id=1, detach=True, key="k", stream=True)
        assert house.service.open(again) is first
        (await provider.next_call()).finish()
        await settle()
        assert house.service.open(again) is first
        assert first.readers == 3
        assert len(provider.calls) == 1


@pytest.mark.parametrize(
    "other",
    [
        Chat(content="Hi!", user_id="42", detach=True, key="k"),
        Chat(content="Hi", user_id="42", detach=True, key="k", context="More"),
        Chat(content="Hi", user_id="42", detach=True, key="k", max_tokens=5),
        Chat(content="Hi", user_id="42", detach=True, key="k", language="de"),
        Summarize(content="Hi", user_id="42", detach=True, key="k"),
    ],
    ids=["content", "context", "max_tokens", "language", "action"],
)
async def test_the_same_key_with_another_request_is_refused(other: Generate) -> None:
    async with open_house(GatedProvider()) as house:
        reply = house.service.open(KEYED)
        assert type(house.refuse(other)) is InvalidParameter
        assert reply.readers == 1


async def test_the_same_key_of_another_user_is_another_reply() -> None:
    provider = GatedProvider()
    async with open_house(provider) as house:
        users = ("42", "43", None)
        opened = [house.service.open(Chat(content="Hi", user_id=user, detach=True, key="k")) for user in users]
        await settle()
        assert len({reply.id for reply in opened}) == len(provider.calls) == 3
        assert house.service.open(Chat(content="Hi", detach=True, key="k")) is opened[2]


# Sharing.


@every_kind
async def test_what_is_shared_is_what_does_not_depend_on_who_asks(kind: type[Generate]) -> None:
    provider = GatedProvider()
    async with open_house(provider) as house:
        first = house.service.open(kind(content="Hi", user_id="42"))
        second = house.service.open(kind(content="Hi", user_id="43", detach=True, stream=True))
        await settle()
        is_shared = kind is not Chat
        assert (first.is_shared, second.is_shared) == (False, is_shared)
        assert len(provider.calls) == (1 if is_shared else 2)


async def test_another_text_is_not_shared() -> None:
    async with open_house(GatedProvider()) as house:
        house.service.open(Summarize(content="One"))
        assert not house.service.open(Summarize(content="Two")).is_shared
        assert not house.service.open(Analyze(content="One")).is_shared


async def test_who_shares_cancels_only_his_own() -> None:
    provider = GatedProvider()
    async with open_house(provider) as house:
        mine, other = (house.service.open(Summarize(content="Hi")) for _ in range(2))
        house.service.cancel(mine)
        assert error_code(mine.end) == Code.CANCELLED
        assert other.end is None


# Resume and cancel by reply.


# Status.


async def test_status_tells_what_there_is() -> None:
    async with open_house(GatedProvider()) as house:
        status = house.service.status()
        assert status == Done(
            protocol=PROTOCOL_VERSION,
            version=sidecar.__version__,
            provider="gated",
            models=("gated-1",),
            ready=True,
            tickets=False,
        )
        house.service.is_draining = True
        assert house.service.status().ready is False


async def test_status_says_when_a_request_has_no_chance() -> None:
    provider = GatedProvider()
    provider.is_ready = False
    async with open_house(provider) as house:
        assert house.service.status().ready is False
    async with open_house(None) as house:
        status = house.service.status()
        assert (status.provider, status.models, status.ready) == (None, (), False)
