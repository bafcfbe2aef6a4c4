"""Whatever clients and provider do, in whatever order: every request has one end, and every text is the provider's."""

import math
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from anyio.from_thread import start_blocking_portal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from protocol.errors import Code
from protocol.messages import Answer, Delta, Done, Error, Event, Failure, Start, Success
from sidecar.dialects import FRAMES, LINES, PayloadDialect
from sidecar.errors import Truncated
from sidecar.providers import Finish
from tests.session.house import Client, is_end, open_house, settle

IDS = st.sampled_from([None, "a", "b", "c"])
BACKENDS: list[tuple[str, dict[str, bool]]] = [("asyncio", {}), ("asyncio", {"use_uvloop": True}), ("trio", {})]


def said(call: int, first: int, last: int) -> str:
    """Return the texts `first` to `last` of a call: each one says whose it is, and where it belongs."""
    return "".join(f"<{call}.{seq}>" for seq in range(first, last + 1))


class Talk:
    """One client, what it asked, and what it has been told."""

    def __init__(self, client: Client, lengths: dict[int, int]) -> None:
        self.client = client
        self.lengths = lengths
        self.asked: Counter[object] = Counter()
        self.ended: Counter[object] = Counter()
        self.streams: dict[object, tuple[int | None, int | None]] = {}
        """By id, those that have started: their call and their last seq, as far as they are known."""

    def ask(self, action: str, request_id: str | None, **fields: object) -> None:
        self.asked[request_id] += 1
        self.client.ask(action, id=request_id, **fields)

    def read(self) -> list[Event | Answer]:
        messages = self.client.read_now()
        for message in messages:
            message_id = getattr(message, "id", None)
            self.check(message, message_id if isinstance(message_id, str) else None)
        return messages

    def check(self, message: Event | Answer, request_id: str | None) -> None:
        if is_end(message):
            self.ended[request_id] += 1
            assert self.ended[request_id] <= self.asked[request_id], "an end that nobody asked for"
        match message:
            case Start():
                assert request_id not in self.streams
                self.streams[request_id] = (None, None)
            case Delta(seq=seq, text=text):
                call, last = self.streams[request_id]
                assert last is None or seq == last + 1
                number = int(text[1:].split(".")[0])
                assert text == said(number, seq, seq)
                assert call in (None, number)
                self.streams[request_id] = (number, seq)
            case Error(code=Code.DUPLICATE_ID | Code.OVERLOADED) | Done(protocol=1):
                pass  # the end of another request than the one that has started
            case Done(finish_reason=str()):
                call, last = self.streams.pop(request_id)
                assert call is None or last == self.lengths[call]
            case Done() | Error():
                self.streams.pop(request_id, None)
            case Success(data=text) | Failure(partial=str(text)) if text:
                number, length = int(text[1:].split(".")[0]), text.count("<")
                assert text == said(number, 1, length)
                assert isinstance(message, Failure) or length == self.lengths[number]


class SessionMachine(RuleBasedStateMachine):
    """Clients of all sorts, and a provider, take turns."""

    @initialize(backend=st.sampled_from(BACKENDS))
    def open(self, backend: tuple[str, dict[str, bool]]) -> None:
        self.stack = ExitStack()
        self.portal = self.stack.enter_context(start_blocking_portal(*backend))
        house = open_house(max_running=2, max_waiting=2)
        self.house = self.stack.enter_context(self.portal.wrap_async_context_manager(house))
        self.acts: list[Callable[[], object]] = []
        self.in_a_hurry = False
        self.talks: list[Talk] = []
        self.replies: list[str] = []
        self.said: Counter[int] = Counter()
        self.lengths: dict[int, int] = {}
        """By call, how many texts it had said when it was to end."""
        self.connect(FRAMES, math.inf)
        self.connect(LINES, 60.0)

    def do(self, act: Callable[[], object]) -> None:
        """Do something where the sessions live, and let everything happen that follows, or do it with what follows."""
        self.acts.append(act)
        if not self.in_a_hurry:
            self.catch_up()

    def catch_up(self) -> None:
        async def act_and_settle() -> None:
            for act in self.acts:
                act()
            self.acts.clear()
            await settle()

        self.portal.call(act_and_settle)

    @rule(in_a_hurry=st.booleans())
    def pace(self, in_a_hurry: bool) -> None:
        self.in_a_hurry = in_a_hurry
        self.catch_up()

    def pick(self, data: st.DataObject) -> Talk:
        return data.draw(st.sampled_from(self.talks), "client")

    @precondition(lambda self: len(self.talks) < 3)
    @rule(dialect=st.sampled_from([FRAMES, LINES]), room=st.sampled_from([0.0, 60.0, math.inf, math.inf]))
    def connect(self, dialect: PayloadDialect, room: float) -> None:
        self.do(lambda: self.talks.append(Talk(self.house.connect(dialect, room=room), self.lengths)))
        self.catch_up()

    @rule(data=st.data(), request_id=IDS, stream=st.booleans(), detach=st.booleans(), shared=st.booleans())
    def ask(self, data: st.DataObject, request_id: str | None, stream: bool, detach: bool, shared: bool) -> None:
        talk, action = self.pick(data), "summarize" if shared else "chat"
        self.do(lambda: talk.ask(action, request_id, content="Hi", stream=stream, detach=detach))

    @precondition(lambda self: self.replies)
    @rule(data=st.data(), request_id=IDS, after=st.integers(0, 3), stream=st.booleans())
    def resume(self, data: st.DataObject, request_id: str | None, after: int, stream: bool) -> None:
        talk, reply = self.pick(data), data.draw(st.sampled_from(self.replies), "reply")
        self.do(lambda: talk.ask("resume", request_id, reply=reply, after=after, stream=stream))

    @rule(data=st.data(), request_id=IDS)
    def cancel(self, data: st.DataObject, request_id: str | None) -> None:
        talk = self.pick(data)
        self.do(lambda: talk.client.ask("cancel", id=request_id))

    @precondition(lambda self: self.replies)
    @rule(data=st.data())
    def cancel_by_reply(self, data: st.DataObject) -> None:
        talk, reply = self.pick(data), data.draw(st.sampled_from(self.replies), "reply")
        self.do(lambda: talk.ask("cancel", "k", reply=reply))

    @rule(data=st.data(), request_id=IDS)
    def ping(self, data: st.DataObject, request_id: str | None) -> None:
        talk = self.pick(data)
        self.do(lambda: talk.ask("ping", request_id and "p"))

    @rule(data=st.data())
    def send_nonsense(self, data: st.DataObject) -> None:
        talk = self.pick(data)
        talk.asked[None] += 1
        self.do(lambda: talk.client.send(b"nonsense"))

    @precondition(lambda self: self.house.provider.calls)
    @rule(data=st.data(), count=st.integers(1, 3))
    def say(self, data: st.DataObject, count: int) -> None:
        number = data.draw(st.integers(0, len(self.house.provider.calls) - 1), "call")
        first = self.said[number] + 1
        self.said[number] += count
        texts = [said(number, seq, seq) for seq in range(first, first + count)]
        self.do(lambda: self.house.provider.calls[number].say(*texts))

    @precondition(lambda self: self.house.provider.calls)
    @rule(data=st.data(), well=st.booleans())
    def finish(self, data: st.DataObject, well: bool) -> None:
        number = data.draw(st.integers(0, len(self.house.provider.calls) - 1), "call")
        self.finish_call(number, Finish("stop") if well else Truncated("It broke off."))

    def finish_call(self, number: int, end: Finish | Truncated) -> None:
        self.lengths.setdefault(number, self.said[number])
        call = self.house.provider.calls[number]
        self.do(lambda: call.put(end))

    @rule(data=st.data(), room=st.sampled_from([1.0, 100.0, math.inf]))
    def read(self, data: st.DataObject, room: float) -> None:
        talk = self.pick(data)
        self.do(lambda: talk.client.stream.take(room))
        self.catch_up()
        self.replies += [message.reply for message in talk.read() if isinstance(message, Start)]

    @precondition(lambda self: len(self.talks) > 1)
    @rule(data=st.data(), how=st.sampled_from(["end", "leave", "reset"]))
    def leave(self, data: st.DataObject, how: str) -> None:
        talk = self.pick(data)
        self.do(getattr(talk.client.stream, how))
        self.catch_up()
        talk.read()
        self.talks.remove(talk)

    def teardown(self) -> None:
        if not hasattr(self, "stack"):
            return
        with self.stack:
            self.in_a_hurry = False
            self.catch_up()
            for talk in self.talks:
                self.do(partial(talk.client.stream.take, math.inf))
            number = 0
            while number < len(self.house.provider.calls):  # the end of one may let others begin
                self.finish_call(number, Finish("stop"))
                number += 1
            for talk in self.talks:
                talk.read()
                assert talk.ended == talk.asked, "each request has one end"
                assert not talk.streams
                assert talk.client.session is None or talk.client.session.is_idle
            assert self.house.limits.unfinished.used_bytes == 0


SessionMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


TestSession = SessionMachine.TestCase
