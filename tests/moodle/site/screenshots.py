"""Makes the screenshots of the plugin's README: python -m tests.moodle.site.screenshots --help"""

import argparse
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.moodle.site import stage as stages
from tests.moodle.site.command_line import CHECKOUT
from tests.moodle.site.drawer import ARGUMENTS, CHROMIUM, Visitor
from tests.moodle.site.moodle import Wanted
from tests.moodle.site.stage import Stage, says

SHOTS = CHECKOUT / "moodle" / "local_aisidecar" / "docs"

# No formula: MathJax comes from where Moodle's setting says, and there is no internet where this runs.
_ANSWER = """\
For small swings the period of a pendulum depends on its **length** alone.

1. **Longer means slower**: four times the length, twice the period.
2. **Mass does not matter**: a heavier weight is pulled harder, and is as much harder to move.

```python
period = 2 * pi * sqrt(length / 9.81)
```

What would happen on the Moon, where things weigh a sixth?
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.moodle.site.screenshots", description=__doc__)
    parser.add_argument("--moodle", type=Path, required=True)
    parser.add_argument("--sites", type=Path, default=Path("/var/tmp/moodle-site"))
    parser.add_argument("--into", type=Path, default=SHOTS)
    wanted = parser.parse_args()
    wanted.into.mkdir(parents=True, exist_ok=True)
    parts = Wanted(moodle=wanted.moodle, folder=wanted.sites / "shots", snapshots=wanted.sites / "snapshots")
    with stages.built(parts) as stage, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        stage.set(delivery="handover")

        def visit(username: str, *, phone: bool = False) -> Visitor:
            return Visitor(browser, stage.site, username, states=stage.site.folder, phone=phone)

        _shoot_chat(stage, visit("student"), wanted.into / "desktop.png")
        _shoot_chat(stage, visit("student03", phone=True), wanted.into / "phone.png")
        administrator = visit("admin")
        administrator.go("/local/aisidecar/delivery.php")
        administrator.page.locator('[data-region="delivery"] [data-action="run"]').click()
        expect(administrator.page.locator('[data-region="summary"]')).to_contain_text("nginx")
        administrator.page.screenshot(path=wanted.into / "delivery.png")
        teacher = visit("teacher")
        teacher.go(f"/local/aisidecar/course.php?id={stage.site.places['courses']['physics']}")
        teacher.page.locator("textarea[name=persona]").fill("Do not give solutions, ask questions that lead to them.")
        teacher.page.wait_for_load_state("networkidle")
        teacher.page.screenshot(path=wanted.into / "course.png")


def _shoot_chat(stage: Stage, student: Visitor, path: Path) -> None:
    stage.script("", says(_ANSWER))
    student.go_to_page("pendulum")
    student.drawer.ask("On what does the period of a pendulum depend?")
    student.drawer.wait_for_end("on the Moon")
    student.page.mouse.move(0, 0)
    student.page.screenshot(path=path)


if __name__ == "__main__":
    main()
