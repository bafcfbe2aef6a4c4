from collections.abc import Iterable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import UNSET

from protocol.codec import Addressee
from protocol.messages import Answer, Event
from sidecar.dialects import FRAMES
from sidecar.errors import DuplicateId, Overloaded
from sidecar.session.jobs import Job, Jobs


async def never(_job: Job) -> Event | Answer:
    raise AssertionError("no test serves it")


def new_job(request_id: str | None, *, wants_events: bool = True) -> Job:
    addressee = Addressee(UNSET if request_id is None else request_id, wants_events)
    return Job(what="chat", addressee=addressee, form=FRAMES.form, serve=never, arrived=0.0, held_bytes=0)


class Begun(list[Job]):
    """The jobs that were begun, in order, and what decides it."""

    def __init__(self, *, max_running: int = 2, max_waiting: int = 3, in_turn: bool = False) -> None:
        super().__init__()
        self.jobs = Jobs(self.append, max_running=max_running, max_waiting=max_waiting, in_turn=in_turn)

    def submit(self, *request_ids: str | None) -> list[Job]:
        jobs = [new_job(request_id) for request_id in request_ids]
        for job in jobs:
            self.jobs.submit(job)
        return jobs


def test_so_many_run_and_the_others_begin_in_order() -> None:
    begun = Begun()
    a, b, c, d = begun.submit("a", "b", "c", "d")
    assert (begun, len(begun.jobs)) == ([a, b], 4)
    begun.jobs.finish(b)
    assert begun == [a, b, c]
    begun.jobs.finish(c)
    assert begun == [a, b, c, d]
    for job in (a, d):
        begun.jobs.finish(job)
    assert len(begun.jobs) == 0


def test_beyond_those_that_wait_none_is_taken() -> None:
    begun = Begun()
    begun.submit(*"abcde")
    with pytest.raises(Overloaded, match=r"\A2 requests run and 3 wait on this connection") as caught:
        begun.submit("f")
    assert caught.value.retry_after == 1.0
    assert begun.jobs.find("f") is None


def test_an_id_is_free_again_when_its_job_has_finished_or_was_withdrawn() -> None:
    begun = Begun(max_running=1)
    a, b = begun.submit("a", "b")
    for taken in "ab":
        with pytest.raises(DuplicateId):
            begun.submit(taken)
    assert begun.jobs.withdraw(b)
    begun.jobs.finish(a)
    assert begun == [a]
    a, b = begun.submit("a", "b")
    assert (begun.jobs.find("a"), begun.jobs.find("b")) == (a, b)


def test_what_has_begun_cannot_be_withdrawn() -> None:
    begun = Begun()
    [a] = begun.submit("a")
    assert not begun.jobs.withdraw(a)
    assert begun.jobs.find("a") is a


@pytest.mark.parametrize("max_running", [1, 2])
def test_without_turns_a_second_job_without_id_is_refused_running_or_waiting(max_running: int) -> None:
    begun = Begun(max_running=max_running)
    first, nameless = begun.submit("a", None)
    with pytest.raises(DuplicateId, match="without id"):
        begun.submit(None)
    begun.jobs.finish(first)
    assert begun == [first, nameless]
    begun.jobs.finish(nameless)
    assert begun.submit(None) == begun[2:]


def test_in_turn_jobs_without_id_begin_one_after_the_other_and_hold_no_other_back() -> None:
    begun = Begun(max_running=3, in_turn=True)
    first, second, named = begun.submit(None, None, "a")
    assert begun == [first, named]
    assert begun.jobs.find(None) is first
    begun.jobs.finish(named)
    assert begun == [first, named]
    begun.jobs.finish(first)
    assert begun == [first, named, second]
    assert begun.jobs.find(None) is second


@pytest.mark.parametrize("max_running", [1, 2])
def test_whether_one_without_id_is_unfinished_counts_those_that_wait(max_running: int) -> None:
    begun = Begun(max_running=max_running, in_turn=True)
    first, nameless = begun.submit("a", None)
    assert begun.jobs.has_nameless
    begun.jobs.finish(first)
    assert begun.jobs.has_nameless
    begun.jobs.finish(nameless)
    assert not begun.jobs.has_nameless


def test_only_running_jobs_with_events_stream() -> None:
    begun = Begun(max_running=1)
    plain, streaming = new_job("a", wants_events=False), new_job("b")
    begun.jobs.submit(plain)
    begun.jobs.submit(streaming)
    assert begun.jobs.streaming is None
    begun.jobs.finish(plain)
    assert begun.jobs.streaming is not None


def test_cancel_stops_what_has_begun_and_is_remembered_until_then() -> None:
    job = new_job("a")
    job.cancel()
    assert job.is_cancelled
    stopped = []
    job.stop = lambda: stopped.append(job)
    job.cancel()
    assert stopped == [job]


IDS = st.sampled_from([None, "a", "b", "c", "d", "e"])


class JobsMachine(RuleBasedStateMachine):
    """Whatever is submitted, finished and withdrawn."""

    @initialize(max_running=st.integers(1, 3), max_waiting=st.integers(0, 3), in_turn=st.booleans())
    def open(self, max_running: int, max_waiting: int, in_turn: bool) -> None:
        self.max_running, self.max_waiting, self.in_turn = max_running, max_waiting, in_turn
        self.begun = Begun(max_running=max_running, max_waiting=max_waiting, in_turn=in_turn)
        self.jobs = self.begun.jobs
        self.accepted: list[Job] = []
        self.finished: set[Job] = set()
        self.withdrawn: set[Job] = set()

    def running(self) -> list[Job]:
        return [job for job in self.begun if job not in self.finished]

    def waiting(self) -> list[Job]:
        return [job for job in self.accepted if job not in self.begun and job not in self.withdrawn]

    @rule(request_id=IDS)
    def submit(self, request_id: str | None) -> None:
        unfinished = [*self.running(), *self.waiting()]
        is_taken = any(job.id == request_id for job in unfinished) and not (request_id is None and self.in_turn)
        must_wait = len(self.running()) == self.max_running or (
            request_id is None and any(job.id is None for job in unfinished)
        )
        is_full = must_wait and len(self.waiting()) == self.max_waiting
        job = new_job(request_id)
        try:
            self.jobs.submit(job)
        except DuplicateId:
            assert is_taken
        except Overloaded:
            assert is_full
            assert not is_taken
        else:
            assert not is_taken
            assert not is_full
            self.accepted.append(job)
            assert (job in self.begun) is not must_wait

    @precondition(lambda self: self.running())
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(self.running()))
        self.finished.add(job)
        self.jobs.finish(job)

    @precondition(lambda self: self.accepted)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(self.accepted))
        was_waiting = job in self.waiting()
        assert self.jobs.withdraw(job) is was_waiting
        if was_waiting:
            self.withdrawn.add(job)

    @invariant()
    def each_begins_at_most_once_and_never_too_many_at_once(self) -> None:
        assert len(set(self.begun)) == len(self.begun)
        assert len(self.running()) <= self.max_running
        assert len(self.waiting()) <= self.max_waiting
        assert len(self.jobs) == len(self.running()) + len(self.waiting())

    @invariant()
    def equals_begin_in_the_order_in_which_they_came(self) -> None:
        def order(jobs: Iterable[Job], *, named: bool) -> list[int]:
            return [self.accepted.index(job) for job in jobs if (job.id is not None) is named]

        for named in (True, False):
            numbers = order(self.begun, named=named)
            assert numbers == sorted(numbers)
            waiting = order(self.waiting(), named=named)
            assert not (numbers and waiting) or numbers[-1] < waiting[0]

    @invariant()
    def nobody_waits_without_a_reason(self) -> None:
        if len(self.running()) < self.max_running:
            assert all(job.id is None for job in self.waiting())
            assert not self.waiting() or any(job.id is None for job in self.running())

    @invariant()
    def an_id_stands_for_one_unfinished_job(self) -> None:
        unfinished = {job.id: job for job in [*self.waiting(), *self.running()]}
        for request_id in "abcde":
            assert self.jobs.find(request_id) is unfinished.get(request_id)
        nameless = [job for job in self.running() if job.id is None]
        assert self.jobs.find(None) is (nameless[0] if nameless else None)
        assert len(nameless) <= 1

    def teardown(self) -> None:
        while self.running():
            job = self.running()[0]
            self.finished.add(job)
            self.jobs.finish(job)
        assert {*self.begun} | self.withdrawn == {*self.accepted}
        assert len(self.jobs) == 0


JobsMachine.TestCase.settings = settings(max_examples=60, deadline=None)
TestJobs = JobsMachine.TestCase
