"""What a teacher sets in a course, and what follows from it for the students."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import expect

from tests.moodle.site.conftest import Visit
from tests.moodle.site.drawer import Visitor
from tests.moodle.site.stage import Stage, says


def test_a_teachers_instruction_reaches_the_model(stage: Stage, visit: Visit) -> None:
    teacher = visit("teacher")
    with _set(teacher, persona="Answer like a pirate. PIRATE-7"):
        student = visit()
        student.go_to_course()
        student.drawer.ask(f"Hello. {stage.script('pirate', says('Arr.'))}")
        student.drawer.wait_for_end("Arr.")
        (asked,) = stage.asked("pirate")
        assert "PIRATE-7" in asked.body.decode()
        # In another course it is not so.
        student.go_to_course("history")
        student.drawer.ask(f"Hello. {stage.script('scholar', says('Good day.'))}")
        student.drawer.wait_for_end("Good day.")
        (asked,) = stage.asked("scholar")
        assert "PIRATE-7" not in asked.body.decode()


def test_a_teacher_switches_it_off_on_the_server_too(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    expect(student.drawer.launcher).to_be_visible()
    teacher = visit("teacher")
    with _set(teacher, enabled=False):
        # The page is still open as it was.
        student.drawer.ask("One more?")
        expect(student.drawer.notices.last).to_contain_text("switched off in this course")
        student.page.reload()
        expect(student.drawer.launcher).to_have_count(0)
        student.go_to_course("history")
        expect(student.drawer.launcher).to_have_count(1)


def test_a_student_cannot_change_what_a_teacher_sets(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go(f"/local/aisidecar/course.php?id={stage.site.places['courses']['physics']}")
    expect(student.page.locator("form textarea[name=persona]")).to_have_count(0)
    student.errors.clear()
    stage.tolerated = "require_capability"


@contextmanager
def _set(teacher: Visitor, *, enabled: bool = True, persona: str = "") -> Iterator[None]:
    """Let the teacher set this in Physics, and take it back."""
    _save(teacher, enabled=enabled, persona=persona)
    try:
        yield
    finally:
        _save(teacher, enabled=True, persona="")


def _save(teacher: Visitor, *, enabled: bool, persona: str) -> None:
    teacher.go(f"/local/aisidecar/course.php?id={teacher.site.places['courses']['physics']}")
    teacher.page.locator("input[type=checkbox][name=enabled]").set_checked(enabled)
    teacher.page.locator("textarea[name=persona]").fill(persona)
    teacher.page.locator("#id_submitbutton").click()
    expect(teacher.page.locator("body")).to_contain_text("are saved")
