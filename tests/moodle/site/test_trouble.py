"""What a student is told where something is wrong, and what must go on all the same."""

from playwright.sync_api import expect

from tests.moodle.site.conftest import Visit
from tests.moodle.site.stage import Stage, says, tokens
from tests.providers import scripted


def test_the_sidecar_is_down(stage: Stage, visit: Visit) -> None:
    stage.stop_sidecar()
    student = visit()
    student.go_to_course()
    student.drawer.ask("Is anybody there?")
    expect(student.drawer.notices.last).to_contain_text("not available at the moment")
    expect(student.drawer.notices.last).to_contain_text("Please try again later")
    # What was written is not lost.
    stage.start_sidecar()
    student.drawer.notices.last.locator('[data-action="retry"]').click()
    student.drawer.wait_for_end("good question")


def test_a_limit_is_reached(stage: Stage, visit: Visit) -> None:
    stage.start_sidecar(SIDECAR_USER_REQUESTS_PER_HOUR="1")
    student = visit()
    student.go_to_course()
    student.drawer.ask("The first.")
    student.drawer.wait_for_end("good question")
    student.drawer.write("The second.")
    expect(student.drawer.notices.last).to_contain_text("You have used up what you may ask for now. You can ask again ")


def test_the_provider_fails(stage: Stage, visit: Visit) -> None:
    stage.start_sidecar(SIDECAR_TIMEOUT_TOTAL="10")
    student = visit()
    student.go_to_course()
    student.drawer.ask(f"Please. {stage.script('fails', scripted.status(500, {'error': {'message': 'kaputt'}}))}")
    expect(student.drawer.notices.last).to_contain_text("The AI service has a problem at the moment.")
    # The cause is for the administrator.
    expect(student.drawer.root).not_to_contain_text("kaputt")


def test_an_answer_that_breaks_off_is_not_shown_as_whole(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    broken = scripted.stream(scripted.ROLE + scripted.event(scripted.chunk("Half of an")), cut=True)
    student.drawer.ask(f"Please. {stage.script('breaks', broken)}")
    expect(student.drawer.text).to_contain_text("Half of an")
    expect(student.drawer.notices.last).to_contain_text("You can ask again")
    stage.script("breaks", says("Half of an answer is no answer."))
    student.drawer.notices.last.locator('[data-action="retry"]').click()
    student.drawer.wait_for_end("no answer")


def test_the_sidecar_dies_in_the_middle(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    student.drawer.ask(f"Never end. {stage.script('dies', tokens(1000, pause=0.05))}")
    expect(student.drawer.text).to_contain_text("word3 ")
    student.expected += ["/local/aisidecar/stream.php", "/lib/ajax/service.php"]
    stage.kill_sidecar()
    stage.start_sidecar()
    expect(student.drawer.notices.last).to_contain_text("You can ask again", timeout=60_000)


def test_no_page_breaks_while_the_sidecar_is_down(stage: Stage, visit: Visit) -> None:
    stage.stop_sidecar()
    student = visit()
    for path in ("/my/", f"/course/view.php?id={stage.site.places['courses']['physics']}", "/user/profile.php"):
        student.go(path)
        expect(student.page.locator("#page-footer")).to_be_attached()
    student.go_to_course()
    student.drawer.open()
    expect(student.drawer.action("send")).to_be_visible()


def test_a_status_check_says_what_is_not_running_and_how_to_start_it(stage: Stage, visit: Visit) -> None:
    stage.stop_sidecar()
    administrator = visit("admin")
    administrator.go("/report/status/index.php?detail=local_aisidecar_sidecar")
    expect(administrator.page.locator("body")).to_contain_text("openai-moodle-sidecar is not running")
    expect(administrator.page.locator("body")).to_contain_text("systemctl start openai-moodle-sidecar")
    stage.start_sidecar()
    administrator.page.reload()
    expect(administrator.page.locator("body")).to_contain_text("is running and ready")
