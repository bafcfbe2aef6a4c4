"""Languages that are written from right to left, and screens on which little fits."""

from playwright.sync_api import Locator, expect

from tests.moodle.site.conftest import Visit
from tests.moodle.site.stage import Stage, says


def test_a_text_has_its_own_direction_and_a_program_none_but_one(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    drawer = student.drawer
    program = "```python\nprint(period(1.0))  # طول\n```"
    drawer.ask(f"ما هو البندول؟ {stage.script('arabic', says('البندول يتأرجح.', chr(10) * 2, program))}")
    drawer.wait_for_end("print(period(1.0))")
    assert _direction(drawer.questions.last.locator('[data-region="beginning"]')) == "rtl"
    assert _direction(drawer.text) == "rtl"
    assert _direction(drawer.text.locator("pre")) == "ltr"
    drawer.write(f"And in English? {stage.script('english', says('A pendulum swings.'))}")
    drawer.wait_for_end("A pendulum swings.")
    assert _direction(drawer.text) == "ltr"


def test_with_great_letters_a_text_can_be_read_and_sent(stage: Stage, visit: Visit) -> None:
    student = visit()
    # What is left of 1280 x 800 at 200 %.
    student.page.set_viewport_size({"width": 640, "height": 400})
    student.go_to_page()
    drawer = student.drawer
    drawer.open()
    drawer.action("summarize").click()
    expect(drawer.root.locator('[data-region="material"] textarea')).to_be_in_viewport(ratio=1)
    expect(drawer.action("sendmaterial")).to_be_in_viewport(ratio=1)
    drawer.action("sendmaterial").click()
    drawer.wait_for_end("good question")


def _direction(element: Locator) -> str:
    direction: str = element.evaluate("element => getComputedStyle(element).direction")
    return direction
