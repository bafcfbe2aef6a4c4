"""The pages beside the drawer: the history, the test of streaming, the drawer on a phone."""

from playwright.sync_api import expect

from tests.moodle.site.conftest import Visit
from tests.moodle.site.drawer import Visitor
from tests.moodle.site.stage import Stage, says


def test_the_history_follows_the_student_and_a_conversation_can_be_deleted(stage: Stage, visit: Visit) -> None:
    student = visit("student02")
    student.go_to_course()
    student.drawer.ask(f"What is a pendulum? {stage.script('history', says('A weight that swings.'))}")
    student.drawer.wait_for_end("A weight that swings.")
    # Elsewhere, later, on another device.
    student.close()
    student = visit("student02", phone=True)
    student.go("/local/aisidecar/history.php")
    entry = student.page.locator('[data-region="list"] > li').filter(has_text="What is a pendulum?")
    expect(entry).to_have_count(1)
    entry.get_by_role("link").first.click()
    expect(student.drawer.text).to_contain_text("A weight that swings.")
    student.go("/local/aisidecar/history.php")
    entry.locator('[data-action="delete"]').click()
    student.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(entry).to_have_count(0)
    student.page.reload()
    expect(entry).to_have_count(0)


def test_the_test_of_streaming_chooses_what_works_here(stage: Stage, visit: Visit) -> None:
    administrator = visit("admin")
    # There is no Apache here, so its way is not found.
    administrator.expected.append("/ai-stream/")
    stage.set(delivery="poll")
    administrator.go("/local/aisidecar/delivery.php")
    administrator.page.locator('[data-region="delivery"] [data-action="run"]').click()
    verdicts = administrator.page.locator("[data-mode]")
    expect(administrator.page.locator('[data-region="summary"]')).to_contain_text("nginx")
    expect(verdicts.filter(has=administrator.page.locator("#local_aisidecar-mode-handover"))).to_contain_text("ms")
    assert (
        stage.site.cli.php("admin/cli/cfg.php", "--component=local_aisidecar", "--name=delivery").strip() == "handover"
    )
    stage.forget("delivery")
    administrator.go("/report/status/index.php?detail=local_aisidecar_delivery")
    expect(administrator.page.locator("body")).to_contain_text("Answers come word by word (hand-over to nginx)")


def test_beside_the_drawer_the_tabs_of_a_page_stay_in_their_line(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    for change in (student.drawer.open, student.drawer.action("close").click):
        change()
        # Those for which there is no room any more go into the menu at the end.
        student.page.wait_for_function("""() => {
            const tabs = document.querySelectorAll('.secondary-navigation .more-nav > li');
            const tops = [...tabs].filter(tab => tab.checkVisibility()).map(tab => tab.getBoundingClientRect().top);
            return tops.length > 1 && new Set(tops).size === 1;
        }""")


def test_on_a_phone_nothing_hangs_over_the_edge(stage: Stage, visit: Visit) -> None:
    student = visit(phone=True)
    student.go_to_course()
    long = "A-very-long-word-" * 20 + "\n\n```\n" + "code " * 60 + "\n```\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n"
    student.drawer.ask(f"Long words. {stage.script('wide', says(long, ' The end.'))}")
    student.drawer.wait_for_end("The end.")
    width, inner = student.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width <= inner
    box = student.drawer.action("stop" if student.drawer.action("stop").is_visible() else "send").bounding_box()
    assert box is not None
    # As large as a finger: WCAG 2.2, 2.5.8 asks for 24.
    assert min(box["width"], box["height"]) >= 24
    assert box["x"] + box["width"] <= inner
    _log_is_announced_once(student)


def _log_is_announced_once(student: Visitor) -> None:
    """A screen reader hears of the end and not of each token: nothing that grows is in a live region."""
    live = student.drawer.text.evaluate(
        "element => element.closest('[aria-live]')?.getAttribute('aria-busy') ?? 'none'"
    )
    assert live != "true"
