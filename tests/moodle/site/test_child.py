"""Where no daemon runs and config.php says so, PHP starts a sidecar for each question, and waits for its end."""

import threading

from playwright.sync_api import expect

from tests.e2e.program import wait_until
from tests.moodle.site.conftest import Visit
from tests.moodle.site.stage import Stage, after, says, tokens
from tests.providers import scripted


def test_a_child_of_php_answers(stage: Stage, visit: Visit) -> None:
    with stage.child_instead():
        student = visit()
        student.go_to_course()
        student.drawer.open()
        student.drawer.watch()
        student.drawer.ask(f"Without a daemon. {stage.script('child', tokens(20, pause=0.05))}")
        student.drawer.wait_for_end("word20")
        assert len(student.drawer.growth()) == 1
        # The next one knows of it, and both are there later.
        student.drawer.write(f"And then? {stage.script('child_next', says('That was all.'))}")
        student.drawer.wait_for_end("That was all.")
        (asked,) = stage.asked("child_next")
        assert "word20" in asked.body.decode()
        student.page.reload()
        student.drawer.open()
        expect(student.drawer.answers).to_have_count(2)
        expect(student.drawer.text).to_contain_text("That was all.")
    assert len(stage.asked("child")) == 1
    assert not [url for url in student.requested if "stream.php" in url]
    wait_until(lambda: not stage.children())


def test_other_pages_of_the_student_do_not_wait_for_it(stage: Stage, visit: Visit) -> None:
    may_answer = threading.Event()
    with stage.child_instead():
        student = visit()
        student.go_to_course()
        student.drawer.ask(f"Slowly. {stage.script('child_slow', after(may_answer, says('At last.')))}")
        wait_until(lambda: len(stage.asked("child_slow")) == 1)
        assert len(stage.children()) == 1
        another = student.new_page()
        another.goto(f"{stage.site.url}/mod/page/view.php?id={stage.site.places['modules']['pendulum']}")
        expect(another.locator("#page-footer")).to_be_attached()
        expect(student.drawer.answers).to_have_count(1)
        may_answer.set()
        student.drawer.wait_for_end("At last.")
        another.close()


def test_what_goes_wrong_in_it_is_said_and_can_be_tried_again(stage: Stage, visit: Visit) -> None:
    with stage.child_instead():
        student = visit()
        student.go_to_course()
        refusal = scripted.status(401, {"error": {"message": "kaputt"}})
        student.drawer.ask(f"Please. {stage.script('child_fails', refusal)}")
        expect(student.drawer.notices.last).to_be_visible()
        expect(student.drawer.root).not_to_contain_text("kaputt")


def test_the_status_says_that_each_question_starts_a_program(stage: Stage, visit: Visit) -> None:
    with stage.child_instead():
        administrator = visit("admin")
        administrator.go("/report/status/index.php?detail=local_aisidecar_sidecar")
        expect(administrator.page.locator("body")).to_contain_text(
            "No sidecar is running: PHP starts one for each question"
        )
