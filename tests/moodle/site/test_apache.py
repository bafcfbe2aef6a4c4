"""Where Apache stands before Moodle: the browser fetches the answer from the sidecar by an address that it is given."""

from playwright.sync_api import expect

from tests.moodle.site.conftest import Visit
from tests.moodle.site.stage import Stage
from tests.moodle.site.words import read_by_student


def test_tokens_appear_as_they_come(stage_behind_apache: Stage, visit_behind_apache: Visit) -> None:
    student = visit_behind_apache()
    student.go_to_course()
    read_by_student(student.drawer, stage_behind_apache, "apache")
    assert [status for url, status in student.answered if "/ai-stream/" in url] == [200]


def test_the_test_of_streaming_finds_the_way_through_apache(
    stage_behind_apache: Stage, visit_behind_apache: Visit
) -> None:
    administrator = visit_behind_apache("admin")
    administrator.go("/local/aisidecar/delivery.php")
    administrator.page.locator('[data-region="delivery"] [data-action="run"]').click()
    expect(administrator.page.locator('[data-region="summary"]')).to_contain_text("through the web server")
