from itertools import pairwise

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.framing import FrameDecoder, LineDecoder, encode_frame, encode_line
from sidecar.errors import Overloaded
from sidecar.session import ByteBudget
from sidecar.session.intake import Intake

pytestmark = pytest.mark.anyio


def test_a_budget_gives_all_or_nothing() -> None:
    budget = ByteBudget(10)
    assert budget.take(10)
    assert not budget.take(1)
    assert budget.used_bytes == 10
    budget.give(4)
    assert not budget.take(5)
    assert budget.take(4)


async def test_beyond_the_budget_nothing_is_taken_in() -> None:
    budget = ByteBudget(10)
    intake = Intake(LineDecoder(100), budget)
    intake.feed(b"12345678")
    with pytest.raises(Overloaded, match="10 bytes"):
        intake.feed(b"123")
    assert budget.used_bytes == 8
    intake.close()
    assert budget.used_bytes == 0


async def test_close_lets_go_of_what_was_not_answered() -> None:
    budget = ByteBudget(100)
    intake = Intake(LineDecoder(100), budget)
    intake.feed(b"one\ntwo\nthree")
    answered, not_answered = [held for _, held in intake.payloads()]
    assert (answered, not_answered, budget.used_bytes) == (4, 4, 13)
    intake.let_go(answered)
    intake.close()
    assert budget.used_bytes == 0


async def test_what_is_held_moves_to_another_budget() -> None:
    strangers, known = ByteBudget(100), ByteBudget(5)
    intake = Intake(LineDecoder(100), strangers)
    intake.feed(b"one\ntwo\nthree")
    intake.move_to(known)
    assert (strangers.used_bytes, known.used_bytes) == (0, 13)
    intake.close()
    assert known.used_bytes == 0


async def test_when_the_unfinished_message_began_is_known() -> None:
    intake = Intake(FrameDecoder(100), ByteBudget(100))
    intake.feed(encode_frame(b"x")[:3])
    assert list(intake.payloads()) == []
    began = intake.message_began
    assert began is not None
    intake.feed(encode_frame(b"x")[3:4])
    assert list(intake.payloads()) == []
    assert intake.message_began == began
    await anyio.sleep(0.002)  # uvloop's clock counts milliseconds
    intake.feed(b"x\0")
    assert list(intake.payloads()) == [(b"x", 5)]
    assert intake.message_began is not None
    assert intake.message_began > began
    intake.feed(encode_frame(b"x")[1:])
    assert list(intake.payloads()) == [(b"x", 5)]
    assert intake.message_began is None


PAYLOADS = st.lists(st.binary(min_size=1, max_size=20).filter(lambda payload: b"\n" not in payload), max_size=8)


@given(payloads=PAYLOADS, in_lines=st.booleans(), places=st.lists(st.integers(0, 200)))
async def test_however_it_arrives_every_byte_is_held_once_and_let_go_once(
    payloads: list[bytes], in_lines: bool, places: list[int]
) -> None:
    wire = b"".join(map(encode_line if in_lines else encode_frame, payloads))
    budget = ByteBudget(10_000)
    intake = Intake(LineDecoder(100) if in_lines else FrameDecoder(100), budget)
    got, held_bytes = [], 0
    for start, end in pairwise(sorted([0, *(min(place, len(wire)) for place in places), len(wire)])):
        if start == end:
            continue
        intake.feed(wire[start:end])
        for payload, held in intake.payloads():
            got.append(payload)
            held_bytes += held
        assert (intake.message_began is None) is (budget.used_bytes == held_bytes)
    white_space = b" \t\r\n"
    assert got == ([p.strip(white_space) for p in payloads if p.strip(white_space)] if in_lines else payloads)
    assert budget.used_bytes == held_bytes
    intake.let_go(held_bytes)
    assert budget.used_bytes == 0
