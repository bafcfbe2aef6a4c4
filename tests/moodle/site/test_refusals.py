"""What is not sent, or not taken, is said and not lost."""

from playwright.sync_api import expect

from tests.moodle.site.conftest import Visit
from tests.moodle.site.stage import Stage, says


def test_a_refusal_takes_nothing_from_the_last_answer(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    drawer = student.drawer
    drawer.ask("The first.")
    drawer.wait_for_end("good question")
    stage.set(enabled="0")
    try:
        drawer.write("The second.")
        expect(drawer.refusals).to_contain_text("switched off here")
    finally:
        stage.set(enabled="1")
    # Screen readers say it at once, and it is none of the messages.
    expect(drawer.root.get_by_role("alert")).to_contain_text("switched off here")
    expect(drawer.questions).to_have_count(1)
    expect(drawer.message).to_have_value("The second.")
    drawer.answers.last.locator('[data-action="regenerate"]').click()
    expect(drawer.refusals).to_have_count(0)
    drawer.wait_for_end("good question")


def test_every_try_has_another_one_after_it(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    drawer = student.drawer
    drawer.open()
    retry = drawer.notices.last.locator('[data-action="retry"]')
    stage.stop_sidecar()
    drawer.ask("Is anybody there?")
    for _ in range(2):
        expect(drawer.notices.last).to_contain_text("not available at the moment")
        retry.click()
    expect(drawer.notices.last).to_contain_text("not available at the moment")
    stage.start_sidecar()
    # Another question goes first: meanwhile there is nothing to press, and then there is.
    drawer.write(f"Me first. {stage.script('first', says('You first.'))}")
    drawer.wait_for_end("You first.")
    retry.click()
    expect(drawer.notices).to_have_count(0)
    expect(drawer.answers).to_have_count(2)
    drawer.wait_for_end()


def test_what_is_too_long_is_said_and_not_cut(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    drawer = student.drawer
    drawer.open()
    drawer.message.fill("x" * 9_999 + "🙂!!")
    expect(drawer.root.locator('[data-region="toolong"]')).to_have_text("2 characters too many: shorten it to send it.")
    expect(drawer.action("send")).to_be_disabled()
    drawer.message.press("End")
    drawer.message.press("Backspace")
    drawer.message.press("Backspace")
    expect(drawer.root.locator('[data-region="toolong"]')).to_be_empty()
    drawer.action("send").click()
    drawer.wait_for_end("good question")


def test_a_text_that_was_to_be_summarized_waits_for_its_page(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_page("pendulum")
    drawer = student.drawer
    drawer.open()
    drawer.action("summarize").click()
    material = drawer.root.locator('[data-region="material"] textarea')
    text = material.input_value()
    student.go_to_course("history")
    drawer.open()
    expect(material).to_be_hidden()
    student.go_to_page("pendulum")
    drawer.open()
    expect(material).to_have_value(text)
