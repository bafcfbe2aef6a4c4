"""What of a conversation is sent again."""

from protocol.messages import Turn
from sidecar.cli.history import History


def test_turns_come_oldest_first() -> None:
    history = History()
    history.add("1?", "1.")
    history.add("2?", "2.")
    assert history.turns(max_bytes=100) == (
        Turn(role="user", content="1?"),
        Turn(role="assistant", content="1."),
        Turn(role="user", content="2?"),
        Turn(role="assistant", content="2."),
    )


def test_what_was_not_answered_is_not_kept() -> None:
    history = History()
    history.add("1?", " \n")
    assert (len(history), history.turns(max_bytes=100)) == (0, ())


def test_no_more_is_sent_than_a_request_takes() -> None:
    history = History()
    for number in range(200):
        history.add(f"{number}?", "Yes.")
    turns = history.turns(max_bytes=10**6)
    assert (len(turns), turns[-2].content) == (256, "199?")


def test_the_oldest_are_left_out_where_there_is_no_room() -> None:
    history = History()
    history.add("older?", "ä" * 10)
    history.add("new?", "ä" * 10)
    assert [turn.content for turn in history.turns(max_bytes=24)] == ["new?", "ä" * 10]
    assert history.turns(max_bytes=23) == ()
    assert history.turns(max_bytes=-1) == ()


def test_the_older_half_can_be_forgotten() -> None:
    history = History()
    for number in range(3):
        history.add(f"{number}?", "Yes.")
    history.forget_half()
    assert [turn.content for turn in history.turns(max_bytes=100)] == ["2?", "Yes."]
    history.forget_half()
    history.forget_half()
    assert len(history) == 0
