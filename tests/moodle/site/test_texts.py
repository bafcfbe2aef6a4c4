"""Summarize this page, analyze this text."""

import re

from playwright.sync_api import expect

from tests.moodle.site.conftest import Visit
from tests.moodle.site.stage import Stage, says


def test_a_page_is_summarized(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_page("pendulum")
    drawer = student.drawer
    drawer.open()
    drawer.action("summarize").click()
    material = drawer.root.locator('[data-region="material"]')
    # What will be sent can be seen, and is the page's own text.
    text = material.locator("textarea")
    expect(text).to_have_value(re.compile("Christiaan Huygens"))
    assert "Dashboard" not in text.input_value()
    before = len(stage.provider.asked)
    text.fill(f"{text.input_value()} {stage.script('summary', says('A weight that swings.'))}")
    material.locator('[data-action="sendmaterial"]').click()
    drawer.wait_for_end("A weight that swings.")
    assert len(stage.provider.asked) == before + 1
    (asked,) = stage.asked("summary")
    assert "Christiaan Huygens" in asked.body.decode()


def test_a_text_is_analyzed(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    drawer = student.drawer
    drawer.open()
    drawer.action("analyze").click()
    material = drawer.root.locator('[data-region="material"]')
    mark = stage.script("analysis", says("It argues by analogy."))
    material.locator("textarea").fill(f"The brain is like a computer. {mark}")
    material.locator('[data-action="sendmaterial"]').click()
    drawer.wait_for_end("It argues by analogy.")
    expect(material).to_be_hidden()


def test_a_text_that_is_not_sent_costs_nothing(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_page("pendulum")
    drawer = student.drawer
    drawer.open()
    before = len(stage.provider.asked)
    drawer.action("summarize").click()
    drawer.root.locator('[data-action="cancelmaterial"]').click()
    expect(drawer.root.locator('[data-region="material"]')).to_be_hidden()
    assert len(stage.provider.asked) == before
