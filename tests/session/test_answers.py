import pytest
from msgspec import UNSET

from protocol.codec import Addressee
from protocol.errors import BadFrame, Code
from protocol.framing import encode_frame
from protocol.messages import (
    Cancel,
    Chat,
    Done,
    Error,
    Failure,
    Ping,
    Request,
    Resume,
    SelfTest,
    Success,
    Summarize,
    Ticket,
    Usage,
)
from sidecar.dialects import FRAMES, LINES
from sidecar.errors import Overloaded, Truncated
from sidecar.providers import Prompt
from sidecar.replies import End, Reply
from sidecar.replies.reply import Call
from sidecar.session.answers import address, echo, end_answer, end_event, refusal

USAGE = Usage(prompt_tokens=1, completion_tokens=2)
NOTHING_SPENT = Usage(prompt_tokens=0, completion_tokens=0)
PROMPT = Prompt(action="chat", model="gated-1", system="", messages=(), subject="", max_tokens=10)
ERROR = Truncated("It broke off.", retry_after=0.01)


def new_reply(*, is_detached: bool = False, is_shared: bool = False) -> Reply:
    reply = Reply("r_1", Call(PROMPT), user_id=None, is_detached=is_detached, is_shared=is_shared)
    reply.call.log.append("zwölf".encode())
    reply.overhead_ms = 0.5
    return reply


def test_a_request_without_id_has_events_without_id() -> None:
    assert (echo(None), echo("1")) == (UNSET, "1")


@pytest.mark.parametrize(
    ("request_", "wants_events"),
    [
        (Chat(content="Hi"), False),
        (Chat(content="Hi", stream=False), False),
        (Chat(content="Hi", stream=True), True),
        (Summarize(content="Hi", stream=True), True),
        (Resume(reply="r"), False),
        (Resume(reply="r", stream=True), True),
        (Cancel(reply="r"), True),
        (Ticket(reply="r"), True),
        (Ping(), True),
        (SelfTest(), False),
        (SelfTest(stream=True), True),
    ],
)
def test_the_form_of_the_answer_follows_from_the_request(request_: Request, wants_events: bool) -> None:
    assert address(request_) == Addressee(UNSET, wants_events)


def test_a_good_end() -> None:
    end = End(usage=USAGE, finish_reason="stop")
    assert end_event("1", new_reply(), end) == Done(id="1", finish_reason="stop", usage=USAGE, overhead_ms=0.5)
    assert end_answer("1", new_reply(is_shared=True), end) == Success(
        success=True,
        data="zwölf",
        id="1",
        reply="r_1",
        model="gated-1",
        finish_reason="stop",
        usage=USAGE,
        overhead_ms=0.5,
        shared=True,
    )


@pytest.mark.parametrize("is_detached", [False, True])
def test_a_bad_end_has_the_text_so_far_and_the_name_where_that_is_of_use(is_detached: bool) -> None:
    end, reply = End(usage=USAGE, error=ERROR), new_reply(is_detached=is_detached)
    assert end_event("1", reply, end) == Error(
        id="1", code=Code.TRUNCATED, message="It broke off.", retry_after=0.1, usage=USAGE
    )
    assert end_answer("1", reply, end) == Failure(
        success=False,
        error="It broke off.",
        code=Code.TRUNCATED,
        id="1",
        reply="r_1" if is_detached else None,
        usage=USAGE,
        partial="zwölf",
        retry_after=0.1,
    )


def test_a_refusal_takes_the_form_that_was_asked_for_and_cost_nothing() -> None:
    error = Overloaded("Full.", retry_after=1.01)
    assert refusal(Addressee("1", True), error) == Error(
        id="1", code=Code.OVERLOADED, message="Full.", retry_after=1.1, usage=NOTHING_SPENT
    )
    assert refusal(Addressee(UNSET, False), error) == Failure(
        success=False, error="Full.", code=Code.OVERLOADED, retry_after=1.1, usage=NOTHING_SPENT
    )


def test_what_no_request_caused_has_the_form_of_its_dialect() -> None:
    error = BadFrame("What is this?")
    assert FRAMES.refuse(error) == encode_frame(
        b'{"event":"error","id":null,"code":"bad_frame","message":"What is this?"}'
    )
    assert LINES.refuse(error) == b'{"success":false,"error":"What is this?","code":"bad_frame"}\n'
