"""Moodle's AI policy: nobody is answered who has not accepted it, and nobody is asked in vain."""

from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.moodle.site.conftest import Visit
from tests.moodle.site.drawer import Visitor
from tests.moodle.site.stage import Stage, says

WITHDRAW = Path(__file__).with_name("withdraw_policy.php")


def test_it_is_asked_for_and_enforced_on_the_server(stage: Stage, visit: Visit) -> None:
    newcomer = _newcomer(stage, visit, "newcomer")
    before = len(stage.provider.asked)
    _is_refused(newcomer)
    newcomer.drawer.open()
    expect(_policy(newcomer)).to_be_visible()
    assert len(stage.provider.asked) == before
    _policy(newcomer).locator('[data-action="accept"]').click()
    expect(_policy(newcomer)).to_be_hidden()
    newcomer.drawer.ask("Now I may.")
    newcomer.drawer.wait_for_end("good question")


def test_who_declines_is_left_alone_and_asked_again_at_the_next_opening(stage: Stage, visit: Visit) -> None:
    newcomer = _newcomer(stage, visit, "student09")
    drawer = newcomer.drawer
    before = len(stage.provider.asked)
    drawer.open()
    _policy(newcomer).locator('[data-action="decline"]').click()
    expect(drawer.root.locator('[data-region="assistant"]')).to_be_hidden()
    expect(drawer.launcher).to_be_focused()
    # Neither here nor on the next page does anything go on without consent.
    newcomer.page.reload()
    expect(drawer.launcher).to_be_visible()
    expect(drawer.root.locator('[data-region="assistant"]')).to_be_hidden()
    _is_refused(newcomer)
    assert len(stage.provider.asked) == before
    drawer.open()
    expect(_policy(newcomer)).to_be_visible()
    expect(drawer.action("send")).to_be_hidden()
    _policy(newcomer).locator('[data-action="accept"]').click()
    drawer.ask("I thought about it.")
    drawer.wait_for_end("good question")


def test_withdrawn_meanwhile_it_is_asked_for_at_the_question_which_is_then_sent(stage: Stage, visit: Visit) -> None:
    student = _student_with_open_drawer(visit, "student10")
    _withdraw(stage, student)
    student.drawer.write(f"May I still? {stage.script('withdrawn', says('You may.'))}")
    expect(_policy(student)).to_be_visible()
    assert not stage.asked("withdrawn")
    _policy(student).locator('[data-action="accept"]').click()
    student.drawer.wait_for_end("You may.")
    expect(student.drawer.questions).to_have_count(1)
    assert len(stage.asked("withdrawn")) == 1


def test_withdrawn_meanwhile_and_declined_the_question_stays_in_the_box(stage: Stage, visit: Visit) -> None:
    student = _student_with_open_drawer(visit, "student11")
    _withdraw(stage, student)
    question = f"May I still? {stage.script('declined', says('You may not.'))}"
    student.drawer.write(question)
    _policy(student).locator('[data-action="decline"]').click()
    expect(student.drawer.root.locator('[data-region="assistant"]')).to_be_hidden()
    assert not stage.asked("declined")
    student.drawer.open()
    _policy(student).locator('[data-action="accept"]').click()
    expect(student.drawer.root.locator("textarea#local_aisidecar-message")).to_have_value(question)
    student.drawer.action("send").click()
    student.drawer.wait_for_end("You may not.")
    assert len(stage.asked("declined")) == 1


def _newcomer(stage: Stage, visit: Visit, username: str) -> Visitor:
    """Bring a user into the course who has not accepted it."""
    user = visit(username)
    _withdraw(stage, user)
    user.go_to_course()
    return user


def _student_with_open_drawer(visit: Visit, username: str) -> Visitor:
    student = visit(username)
    student.go_to_course()
    student.drawer.open()
    student.drawer.action("new").click()
    return student


def _withdraw(stage: Stage, user: Visitor) -> None:
    stage.site.cli.php(WITHDRAW, str(stage.site.tree.folder), user.username)


def _policy(user: Visitor) -> Locator:
    return user.drawer.root.locator('[data-region="policy"]')


def _is_refused(user: Visitor) -> None:
    """Whatever the page does: the server does not answer."""
    refused = user.call(
        "local_aisidecar_start",
        contextid=user.context_id,
        action="chat",
        content="No policy for me.",
        conversationid=0,
        key=f"refused-{user.username}",
        replaces=0,
    )
    assert refused["exception"]["errorcode"] == "error_policynotaccepted"
