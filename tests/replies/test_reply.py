import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from protocol.errors import Code
from protocol.messages import Usage
from sidecar.errors import Cancelled, Draining
from sidecar.providers import Message, Stage
from sidecar.replies import End, Reader
from sidecar.replies.reply import Call
from tests.replies.fakes import DONE, PROMPT, error_code, settle
from tests.replies.reading import Seen, happen, new_reply

# What happens to a log; a number lets the reader of that number look, or tasks run so many times.
steps = st.lists(
    st.one_of(
        st.text("aé😀", min_size=1, max_size=3),
        st.integers(0, 3),
        st.builds(Stage, st.just("stage"), st.integers(0, 9), st.just(9)),
    ),
    max_size=40,
)


@given(steps, st.booleans())
def test_any_interleaving_gives_each_delta_once_in_order_and_then_one_end(
    steps: list[str | int | Stage], is_cancelled: bool
) -> None:
    reply = new_reply()
    log = reply.call.log
    readers = [Reader(reply) for _ in range(4)]
    all_seen = [Seen() for _ in readers]
    for step in steps:
        if isinstance(step, int):
            assert not all_seen[step].look(readers[step])
        else:
            happen(log, step)
    said = [step for step in steps if isinstance(step, str)]
    stages = [step for step in steps if isinstance(step, Stage)]
    if is_cancelled:
        reply.end_with(Cancelled("Enough."))
        log.append(b"behind the end")
    else:
        log.finish(DONE)
    for reader, seen in zip(readers, all_seen, strict=True):
        while not seen.look(reader):
            pass
        assert seen.texts == said
        assert seen.ends == [reply.end]
        assert seen.stages[-1:] == stages[-1:]
        assert reader.seq == len(said)


@pytest.mark.anyio
@settings(max_examples=30)
@given(steps=steps)
async def test_any_interleaving_of_tasks_gives_every_reader_everything(steps: list[str | int | Stage]) -> None:
    reply = new_reply()
    all_seen = [Seen() for _ in range(3)]
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for seen in all_seen:
                tasks.start_soon(seen.follow, Reader(reply))
            for step in steps:
                if isinstance(step, int):
                    for _ in range(step):
                        await checkpoint()
                else:
                    happen(reply.call.log, step)
            reply.call.log.finish(DONE)
    for seen in all_seen:
        assert seen.texts == [step for step in steps if isinstance(step, str)]
        assert seen.ends == [DONE]


@pytest.mark.anyio
async def test_200_readers_get_every_byte_whenever_they_come() -> None:
    reply = new_reply()
    log = reply.call.log
    deltas = [f"{number}, é😀 " for number in range(400)]
    all_seen = [Seen() for _ in range(200)]
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for number, delta in enumerate(deltas):
                if number % 2 == 0:
                    tasks.start_soon(all_seen[number // 2].follow, Reader(reply))
                if number % 20 == 0:
                    await checkpoint()
                log.append(delta.encode())
            log.finish(DONE)
    assert all(seen.texts == deltas and seen.ends == [DONE] for seen in all_seen)


@given(st.lists(st.text("ab", min_size=1, max_size=3), max_size=10), st.data())
def test_a_reader_begins_behind_any_delta_that_there_is(deltas: list[str], draw: st.DataObject) -> None:
    reply = new_reply()
    until = draw.draw(st.integers(0, len(deltas)))
    for delta in deltas[:until]:
        reply.call.log.append(delta.encode())
    after = draw.draw(st.integers(0, until))
    seen, reader = Seen(), Reader(reply, after=after)
    for delta in deltas[until:]:
        reply.call.log.append(delta.encode())
    reply.call.log.finish(DONE)
    while not seen.look(reader):
        pass
    assert seen.texts == deltas[after:]


@pytest.mark.anyio
async def test_a_reader_that_lags_gets_all_at_its_own_pace_and_holds_nobody_back() -> None:
    reply = new_reply()
    lagging, quick = Reader(reply), Reader(reply)
    lagging_seen, quick_seen = Seen(), Seen()
    for _ in range(5000):
        reply.call.log.append(b"x")
        quick_seen.look(quick)
    reply.call.log.finish(DONE)
    assert quick_seen.look(quick)
    looks = 0
    while not lagging_seen.look(lagging):
        with anyio.fail_after(5):
            await lagging.wait()  # what is there already is not waited for
        looks += 1
    assert looks > 1
    assert lagging_seen.texts == quick_seen.texts == ["x"] * 5000


def test_a_reader_sees_the_latest_stage_only_and_once() -> None:
    reply = new_reply()
    reader = Reader(reply)
    assert reader.take_stage() is None
    first, second = Stage("reading", 1, 2), Stage("reading", 2, 2)
    reply.call.log.report(first)
    reply.call.log.report(second)
    assert reader.take_stage() is second
    assert reader.take_stage() is None


@pytest.mark.anyio
async def test_stop_ends_one_reading_at_once_and_the_reply_goes_on() -> None:
    reply = new_reply()
    stopped, other = Reader(reply), Reader(reply)
    stopped_seen, other_seen = Seen(), Seen()
    ends: list[End] = []

    async def wait_end(reader: Reader) -> None:
        ends.append(await reader.wait_end())

    plain = Reader(reply)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stopped_seen.follow, stopped)
            tasks.start_soon(other_seen.follow, other)
            tasks.start_soon(wait_end, plain)
            reply.call.log.append(b"abcd")
            await settle()
            stopped.stop(Draining("Not here."))
            plain.stop(Draining("Not here either."))
            await settle()
            assert [error_code(end) for end in (*stopped_seen.ends, *ends)] == [Code.DRAINING] * 2
            assert reply.end is None
            reply.call.log.append(b"efgh")
            reply.call.log.finish(DONE)
    assert stopped_seen.texts == ["abcd"]
    assert (other_seen.texts, other_seen.ends) == (["abcd", "efgh"], [DONE])


def test_a_reading_that_lags_is_stopped_without_what_it_had_not_taken() -> None:
    reply = new_reply()
    seen, reader = Seen(), Reader(reply)
    for _ in range(5000):
        reply.call.log.append(b"x")
    seen.look(reader)
    taken = len(seen.texts)
    reader.stop(Cancelled("Enough."))
    reply.call.log.append(b"y")
    assert seen.look(reader)
    assert len(seen.texts) == taken < 5000


def test_a_cancelled_reply_ends_with_the_text_that_it_had_and_its_call_goes_on() -> None:
    call = Call(PROMPT)
    mine, other = new_reply(call), new_reply(call)
    call.log.append(b"abcde")
    mine.end_with(Cancelled("Enough."))
    call.log.append(b"fgh")
    assert (mine.text, mine.last_seq) == ("abcde", 1)
    assert (other.text, other.last_seq, other.end) == ("abcdefgh", 2, None)
    call.log.finish(DONE)
    assert mine.end is not None
    assert error_code(mine.end) == Code.CANCELLED
    assert mine.end.usage == Usage(prompt_tokens=3, completion_tokens=2, estimated=True)
    assert other.end is DONE


def test_the_estimate_counts_the_prompt_and_the_text_so_far() -> None:
    prompt = replace(PROMPT, system="12345678", messages=(Message("user", "1234"), Message("assistant", "é")))
    call = Call(prompt)
    assert call.estimated_usage() == Usage(prompt_tokens=4, completion_tokens=0, estimated=True)
    call.log.append("éé.".encode())
    assert call.estimated_usage() == Usage(prompt_tokens=4, completion_tokens=2, estimated=True)


def test_a_call_is_stopped_also_where_it_was_abandoned_before_it_began() -> None:
    stops: list[str] = []
    call = Call(PROMPT)
    call.bind(lambda: stops.append("late"))
    assert stops == []
    call.abandon()
    early = Call(PROMPT)
    early.abandon()
    early.bind(lambda: stops.append("early"))
    assert stops == ["late", "early"]


def test_an_ended_call_lets_go_of_the_texts_that_it_asked_with() -> None:
    call = Call(replace(PROMPT, system="s" * 1000, subject="t" * 1000))
    call.log.append(b"abcd")
    call.finish(DONE)
    assert call.log.end is DONE
    assert (call.prompt.system, call.prompt.messages, call.prompt.subject) == ("", (), "")
    assert (call.prompt.model, call.prompt.action) == (PROMPT.model, PROMPT.action)
    reader = Reader(new_reply(call))
    reader.stop(Cancelled("Enough."))
    assert reader.end is not None
    assert reader.end.usage == DONE.usage
