"""A student chats: in every way in which an answer can come."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.moodle.site.conftest import Visit
from tests.moodle.site.stage import Stage, says, tokens
from tests.moodle.site.words import read_by_student

STREAMING = ("handover", "relay")
DELIVERIES = (*STREAMING, "poll")
COLLECTING = r"\local_aisidecar\task\collect_answers"


@pytest.mark.parametrize("delivery", STREAMING)
def test_tokens_appear_as_they_come(stage: Stage, visit: Visit, delivery: str) -> None:
    stage.set(delivery=delivery)
    student = visit()
    student.go_to_course()
    student.drawer.open()
    student.drawer.watch()
    student.drawer.ask(f"Say it slowly. {stage.script('slowly', tokens(20, pause=0.1))}")
    student.drawer.wait_for_end("word20")
    grown = student.drawer.growth()
    print(delivery, [round(after - before) for (before, _), (after, _) in pairwise(grown)])
    # Twenty words in two seconds: kept back, they would come in a step or two. A busy machine draws some at once.
    assert len(grown) >= 5


@pytest.mark.parametrize("delivery", STREAMING)
def test_each_word_is_on_the_screen_before_the_next_is_written(stage: Stage, visit: Visit, delivery: str) -> None:
    stage.set(delivery=delivery)
    student = visit()
    student.go_to_course()
    read_by_student(student.drawer, stage, f"word_by_word_{delivery}")
    assert [status for url, status in student.answered if "stream.php" in url] == [200]


def test_without_streaming_the_answer_comes_in_pieces(stage: Stage, visit: Visit) -> None:
    stage.set(delivery="poll")
    student = visit()
    student.go_to_course()
    student.drawer.open()
    student.drawer.watch()
    student.drawer.ask(f"Say it slowly. {stage.script('pieces', tokens(30, pause=0.1))}")
    student.drawer.wait_for_end("word30")
    assert len(student.drawer.growth()) >= 2


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_stop_ends_the_answer_and_the_provider_is_left(stage: Stage, visit: Visit, delivery: str) -> None:
    stage.set(delivery=delivery)
    student = visit()
    student.go_to_course()
    name = f"stop_{delivery}"
    student.drawer.ask(f"Never end. {stage.script(name, tokens(1000, pause=0.1))}")
    expect(student.drawer.text).to_contain_text("word3 ")
    student.drawer.action("stop").click()
    (asked,) = stage.asked(name)
    assert asked.left.wait(5)
    student.drawer.wait_for_end("word3 ")
    # What was there stays, and can be asked anew.
    student.page.reload()
    student.drawer.open()
    expect(student.drawer.text).to_contain_text("word3 ")


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_a_reload_in_the_middle_reads_on(stage: Stage, visit: Visit, delivery: str) -> None:
    stage.set(delivery=delivery)
    student = visit()
    student.go_to_course()
    name = f"reload_{delivery}"
    student.drawer.ask(f"Take your time. {stage.script(name, tokens(60, pause=0.1))}")
    expect(student.drawer.text).to_contain_text("word5 ")
    student.page.reload()
    student.drawer.open()
    student.drawer.wait_for_end("word60")
    said = student.drawer.text.inner_text()
    assert re.findall(r"word(\d+)", said) == [str(number) for number in range(1, 61)]
    # Nobody paid twice.
    assert len(stage.asked(name)) == 1


def test_more_readers_than_workers_for_the_relay_read_in_pieces(stage: Stage, visit: Visit) -> None:
    stage.set(delivery="relay", relayslots="1")
    one, another = visit("student04"), visit("student05")
    # The browser's console tells of the refusal as of an error.
    another.expected.append("/local/aisidecar/stream.php")
    one.go_to_course()
    one.drawer.ask(f"At once. {stage.script('share_one', tokens(3000, pause=0.1))}")
    expect(one.drawer.text).to_contain_text("word2 ")
    another.go_to_course()
    another.drawer.ask(f"At once. {stage.script('share_another', tokens(30, pause=0.1))}")
    another.drawer.wait_for_end("word30")
    one.drawer.action("stop").click()
    one.drawer.wait_for_end("word2 ")
    streams = [status for url, status in another.answered if "stream.php" in url]
    assert streams == [503]
    assert [status for url, status in one.answered if "stream.php" in url] == [200]


def test_an_answer_whose_tab_was_closed_is_in_the_history_later(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    # Longer than the sidecar would write for nobody if it were not asked to, and old enough for cron.
    student.drawer.ask(f"I must go. {stage.script('gone', tokens(50, pause=0.5))}")
    expect(student.drawer.text).to_contain_text("word2 ")
    student.page.close()
    stage.wait_answered("gone")
    stage.site.cli.php("admin/cli/scheduled_task.php", rf"--execute={COLLECTING}")
    # From here on nobody but the database can have it.
    stage.stop_sidecar()
    student.page = student.new_page()
    student.go("/local/aisidecar/history.php")
    student.page.locator('[data-region="list"] > li').filter(has_text="I must go.").get_by_role("link").first.click()
    student.drawer.wait_for_end("word50")
    # Where it was asked it is, too.
    student.go_to_course()
    student.drawer.open()
    student.drawer.wait_for_end("word50")
    assert len(stage.asked("gone")) == 1


def test_the_model_sees_what_was_said_before(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    student.drawer.ask(f"My name is Ada. {stage.script('first', says('Hello Ada.'))}")
    student.drawer.wait_for_end("Hello Ada.")
    student.drawer.write(f"What is my name? {stage.script('second', says('It is Ada.'))}")
    student.drawer.wait_for_end("It is Ada.")
    (asked,) = stage.asked("second")
    messages = asked.json["messages"]
    assert isinstance(messages, list)
    said = [(message["role"], message["content"]) for message in messages[-3:]]
    assert [role for role, _ in said] == ["user", "assistant", "user"]
    assert said[1][1] == "Hello Ada."


def test_regenerate_asks_for_another_answer(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    student.drawer.ask(f"Guess. {stage.script('guess', says('Seven.'))}")
    student.drawer.wait_for_end("Seven.")
    stage.script("guess", says("Eight."))
    student.drawer.answers.last.locator('[data-action="regenerate"]').click()
    student.drawer.wait_for_end("Eight.")
    assert len(stage.asked("guess")) == 2
    student.page.reload()
    student.drawer.open()
    expect(student.drawer.answers).to_have_count(1)


def test_the_answer_can_be_copied(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    student.drawer.ask(f"Something to copy. {stage.script('copy', says('A **prime** has two divisors.'))}")
    student.drawer.wait_for_end("A prime has two divisors.")
    student.drawer.answers.last.locator('[data-action="copy"]').click()
    student.page.wait_for_function("async () => (await navigator.clipboard.readText()).includes('prime')")


def test_the_keyboard_alone_is_enough(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    expect(student.drawer.launcher).to_be_visible()
    student.drawer.launcher.focus()
    student.page.keyboard.press("Enter")
    expect(student.page.locator("#local_aisidecar-message")).to_be_focused()
    student.page.keyboard.type(f"By keyboard. {stage.script('keys', says('Well typed.'))}")
    expect(student.drawer.action("send")).to_be_enabled()
    student.page.keyboard.press("Enter")
    student.drawer.wait_for_end("Well typed.")
    student.page.keyboard.press("Escape")
    expect(student.drawer.launcher).to_be_focused()
