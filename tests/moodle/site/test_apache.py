"""Where Apache stands before Moodle: the browser fetches the answer from the sidecar by an address that it is given."""

from itertools import pairwise

from playwright.sync_api import expect

from tests.moodle.site.conftest import Visit
from tests.moodle.site.stage import Stage, tokens


def test_tokens_appear_as_they_come(stage_behind_apache: Stage, visit_behind_apache: Visit) -> None:
    student = visit_behind_apache()
    student.go_to_course()
    student.drawer.open()
    student.drawer.watch()
    student.drawer.ask(f"Say it slowly. {stage_behind_apache.script('apache', tokens(20, pause=0.1))}")
    student.drawer.wait_for_end("word20")
    grown = student.drawer.growth()
    gaps = sorted(after - before for (before, _), (after, _) in pairwise(grown))
    assert len(grown) >= 15
    assert 50 <= gaps[len(gaps) // 2] <= 200
    assert [status for url, status in student.answered if "/ai-stream/" in url] == [200]


def test_the_test_of_streaming_finds_the_way_through_apache(
    stage_behind_apache: Stage, visit_behind_apache: Visit
) -> None:
    administrator = visit_behind_apache("admin")
    administrator.go("/local/aisidecar/delivery.php")
    administrator.page.locator('[data-region="delivery"] [data-action="run"]').click()
    expect(administrator.page.locator('[data-region="summary"]')).to_contain_text("through the web server")
