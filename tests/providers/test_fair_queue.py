"""The queue, driven by hypothesis: whatever comes and goes in whatever order."""

from itertools import groupby

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sidecar.providers.fair_queue import Asker, FairQueue, Turn

askers = st.builds(Asker, st.sampled_from([None, "maths", "art"]), st.sampled_from([None, "1", "2"]))


class QueueMachine(RuleBasedStateMachine):
    @initialize(places=st.integers(1, 4))
    def begin(self, places: int) -> None:
        self.places = places
        self.queue = FairQueue(places)
        self.served: list[Turn] = []
        self.waiting: list[Turn] = []
        self.called: list[Turn] = []

    @rule(asker=askers)
    def join(self, asker: Asker) -> None:
        turn = self.queue.join(asker, lambda: self.called.append(turn))
        (self.served if turn.is_granted else self.waiting).append(turn)

    @precondition(lambda self: self.waiting)
    @rule(draw=st.data())
    def give_up(self, draw: st.DataObject) -> None:
        turn = draw.draw(st.sampled_from(self.waiting))
        order = [other for other in self.queue.order() if other is not turn]
        self.queue.leave(turn)
        self.waiting.remove(turn)
        # Who gives up may cost others their place in the rotation, but loses nobody.
        assert set(self.queue.order()) == set(order)

    @precondition(lambda self: self.served)
    @rule(draw=st.data())
    def finish(self, draw: st.DataObject) -> None:
        turn = draw.draw(st.sampled_from(self.served))
        order = list(self.queue.order())
        self.served.remove(turn)
        self.queue.leave(turn)
        if order:
            assert self.called.pop() is order[0]
            assert list(self.queue.order()) == order[1:]
            self.waiting.remove(order[0])
            self.served.append(order[0])
        assert not self.called

    @invariant()
    def no_place_is_lost_none_is_given_twice_and_none_is_empty_while_somebody_waits(self) -> None:
        assert len(self.queue) == len(self.waiting)
        assert len(self.served) <= self.places
        assert not self.waiting or len(self.served) == self.places
        assert all(turn.is_granted for turn in self.served)
        assert not any(turn.is_granted for turn in self.waiting)

    @invariant()
    def each_who_waits_has_one_position_and_those_of_one_user_are_in_the_order_in_which_they_came(self) -> None:
        order = list(self.queue.order())
        assert sorted(map(id, order)) == sorted(map(id, self.waiting))
        for asker in {turn.asker for turn in order}:
            mine = [turn for turn in order if turn.asker == asker]
            assert mine == [turn for turn in self.waiting if turn.asker == asker]

    def teardown(self) -> None:
        for turn in self.waiting + self.served:
            self.queue.leave(turn)
        assert len(self.queue) == 0
        assert [self.queue.join(Asker()).is_granted for _ in range(self.places + 1)] == [True] * self.places + [False]


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=100, stateful_step_count=30)


@given(st.lists(askers, min_size=1, max_size=40))
def test_nobody_waits_longer_than_one_round_for_each_of_his_own(waiting: list[Asker]) -> None:
    queue = FairQueue(1)
    queue.join(Asker())
    for asker in waiting:
        queue.join(asker)
    order = [turn.asker for turn in queue.order()]
    # The n-th of a course has at most n of every other course before it.
    courses = {asker.course_id for asker in waiting}
    for index, asker in enumerate(order):
        own = sum(other.course_id == asker.course_id for other in order[: index + 1])
        for course in courses:
            assert sum(other.course_id == course for other in order[:index]) <= own
    # And within a course the same holds for its users.
    for course in courses:
        users = [asker.user_id for asker in order if asker.course_id == course]
        for index, user in enumerate(users):
            own = users[: index + 1].count(user)
            assert all(users[:index].count(other) <= own for other in users)


def test_a_hundred_of_one_course_hold_up_another_by_one() -> None:
    queue = FairQueue(1)
    queue.join(Asker("maths", "1"))
    for _ in range(100):
        queue.join(Asker("maths", "1"))
    other = queue.join(Asker("art", "2"))
    assert [turn is other for turn in queue.order()].index(True) == 1


def test_many_users_of_one_course_share_its_turns() -> None:
    queue = FairQueue(1)
    queue.join(Asker())
    for asker in [Asker("maths", "1")] * 3 + [Asker("maths", "2")] * 3 + [Asker("art", "3")] * 2:
        queue.join(asker)
    order = [f"{turn.asker.course_id} {turn.asker.user_id}" for turn in queue.order()]
    assert order[:6] == ["maths 1", "art 3", "maths 2", "art 3", "maths 1", "maths 2"]
    assert [key for key, _ in groupby(order[4:])] == ["maths 1", "maths 2", "maths 1", "maths 2"]
