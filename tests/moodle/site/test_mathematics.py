"""Formulas are set by the site's MathJax, wherever an answer is shown. They are looked at where MOODLE_SHOTS says."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.moodle.site.conftest import SITES, Visit
from tests.moodle.site.drawer import Visitor
from tests.moodle.site.mathjax import give_mathjax
from tests.moodle.site.stage import Stage, says, tokens

# As MathJax 2 and MathJax 3 mark what they have set.
SET = ".MathJax_Display .MathJax, .MathJax:not(.MathJax_Display *), mjx-container"

ANSWER = """\
For small swings the period is

$$T = 2\\pi \\sqrt{\\frac{l}{g}}$$

where \\(l\\) is the length and \\(g\\) the acceleration. In code it is `\\(T\\)`:

```latex
\\(T = 2\\pi\\)
```

That is the end.
"""

_CAN_BE_SCROLLED = """formula => {
    for (let box = formula; box.dataset.region !== 'text'; box = box.parentElement) {
        if (box.scrollWidth > box.clientWidth && ['auto', 'scroll'].includes(getComputedStyle(box).overflowX)) {
            return true;
        }
    }
    return false;
}"""


@pytest.fixture(autouse=True)
def _mathjax(stage: Stage) -> None:
    give_mathjax(stage.site, SITES / "npm")


def test_a_formula_is_set_when_the_answer_is_there_and_again_wherever_it_is_shown(
    stage: Stage, visit: Visit, tmp_path: Path
) -> None:
    student = visit()
    student.go_to_course()
    # While it comes it is text, as all of it.
    student.drawer.ask(f"The period? {stage.script('formula', tokens(20, pause=0.1, first=ANSWER))}")
    expect(student.drawer.text).to_contain_text("\\sqrt{")
    student.drawer.wait_for_end("word20")
    _is_set(student.drawer.text)
    _shoot(student, tmp_path / f"formula-{stage.site.tree.release}.png")
    # The page is new, and has no formula of its own.
    student.page.reload()
    student.drawer.open()
    _is_set(student.drawer.text)
    student.go("/local/aisidecar/history.php")
    student.page.locator('[data-region="list"] > li').first.get_by_role("link").first.click()
    _is_set(student.drawer.text)


def test_on_a_phone_a_long_formula_does_not_hang_over_the_edge(stage: Stage, visit: Visit, tmp_path: Path) -> None:
    student = visit(phone=True)
    student.go_to_course()
    long = "$$" + " + ".join(f"a_{{{number}}} x^{{{number}}}" for number in range(40)) + "$$\n\nThe end."
    student.drawer.ask(f"A polynomial. {stage.script('polynomial', says(long))}")
    student.drawer.wait_for_end("The end.")
    formula = student.drawer.text.locator(SET)
    expect(formula).to_have_count(1)
    width, inner = student.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    _shoot(student, tmp_path / f"polynomial-{stage.site.tree.release}.png")
    assert width <= inner
    # What is not seen at once can be scrolled to.
    assert formula.evaluate(_CAN_BE_SCROLLED)


def test_a_formula_leads_nowhere_and_changes_no_other(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    evil = (
        r"\(\href{https://tracker.example.org/?q=secret}{click}\) \(\def\sqrt#1{stolen}\) \(\sqrt{2}\) "
        r"\(\class{fixed-top}{\style{color:red}{x}}\) The end."
    )
    student.drawer.ask(f"Attack. {stage.script('evil_formula', says(evil))}")
    student.drawer.wait_for_end("The end.")
    expect(student.drawer.text.locator(SET)).to_have_count(1)
    expect(student.drawer.text.locator("a, [href], .fixed-top")).to_have_count(0)
    expect(student.drawer.text.locator(SET)).not_to_contain_text("stolen")


def _is_set(text: Locator) -> None:
    """The three formulas are set, and what looks like one in code is not."""
    expect(text.locator(SET)).to_have_count(3)
    for formula in text.locator(SET).all():
        expect(formula).to_be_visible()
        box = formula.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) > 4
    expect(text.locator("pre code")).to_contain_text("\\(T = 2\\pi\\)")
    expect(text.locator("pre, code").locator(SET)).to_have_count(0)


def _shoot(student: Visitor, path: Path) -> None:
    path = Path(os.environ.get("MOODLE_SHOTS", path.parent)) / path.name
    student.page.screenshot(path=path)
    print(path)
