"""The server has taken a question, and the browser never hears of it: it is asked again, and paid once."""

import re

from playwright.sync_api import Page, Route, expect

from tests.moodle.site.conftest import Visit
from tests.moodle.site.drawer import Visitor
from tests.moodle.site.stage import Stage, says, tokens

START = "info=local_aisidecar_start"

# As often does the drawer ask by itself before it leaves that to the student.
TRIES = 4


def test_what_is_lost_once_is_mended_unseen(stage: Stage, visit: Visit) -> None:
    student = _student_who_loses(visit, 1)
    student.drawer.ask(f"Are you there? {stage.script('lost_once', tokens(20, pause=0.1))}")
    student.drawer.wait_for_end("word20")
    expect(student.drawer.notices).to_have_count(0)
    _was_paid_once(stage, student, "lost_once", "word20")
    assert _starts(student) == 2


def test_what_is_lost_again_and_again_the_student_tries_again(stage: Stage, visit: Visit) -> None:
    student = _student_who_loses(visit, TRIES)
    student.drawer.ask(f"Are you there? {stage.script('lost_often', says('I have been here all the time.'))}")
    retry = student.drawer.notices.last.locator('[data-action="retry"]')
    expect(retry).to_be_enabled()
    assert _starts(student) == TRIES
    stage.wait_answered("lost_often")
    retry.click()
    student.drawer.wait_for_end("I have been here all the time.")
    _was_paid_once(stage, student, "lost_often", "I have been here all the time.")


def test_what_was_lost_before_a_reload_is_offered_after_it(stage: Stage, visit: Visit) -> None:
    student = _student_who_loses(visit, TRIES)
    student.drawer.open()
    with student.page.expect_event("requestfailed", lambda request: START in request.url):
        student.drawer.ask(f"Are you there? {stage.script('lost_reload', says('Still here.'))}")
    student.page.unroute_all(behavior="wait")
    stage.wait_answered("lost_reload")
    student.page.reload()
    student.drawer.open()
    expect(student.drawer.notices.last).to_contain_text("not certain that this arrived")
    student.drawer.notices.last.locator('[data-action="retry"]').click()
    student.drawer.wait_for_end("Still here.")
    _was_paid_once(stage, student, "lost_reload", "Still here.")


def _student_who_loses(visit: Visit, times: int) -> Visitor:
    """Bring a student into the course whose browser loses that many answers of the server to `start`."""
    student = visit("student08")
    student.go_to_course()
    student.expected.append(START)
    _lose(student.page, times)
    return student


def _lose(page: Page, times: int) -> None:
    def lose(route: Route) -> None:
        taken = route.fetch()
        assert taken.ok
        assert '"error":false' in taken.text()
        route.abort("connectionreset")

    page.route(re.compile(START), lose, times=times)


def _starts(student: Visitor) -> int:
    return len([url for url in student.requested if START in url])


def _was_paid_once(stage: Stage, student: Visitor, name: str, text: str) -> None:
    """The provider has one request, and the conversation one question with one answer: now, and after a reload."""
    assert len(stage.asked(name)) == 1
    for _ in range(2):
        expect(student.drawer.questions).to_have_count(1)
        expect(student.drawer.answers).to_have_count(1)
        expect(student.drawer.text).to_contain_text(text)
        student.page.reload()
        student.drawer.open()
    assert len(stage.asked(name)) == 1
