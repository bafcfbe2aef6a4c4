"""Who cannot see the screen hears that an answer is there, once, and not each of its words."""

import pytest
from playwright.sync_api import expect

from tests.moodle.site.conftest import Visit
from tests.moodle.site.drawer import Visitor
from tests.moodle.site.listener import Listener
from tests.moodle.site.stage import Stage, tokens

# Three words, one after the other, in a region of this kind.
_THREE_WORDS = """async ([attributes, busy]) => {
    const region = document.createElement('div');
    Object.entries({...attributes, ...busy ? {'aria-busy': 'true'} : {}}).forEach(each => region.setAttribute(...each));
    document.body.append(region);
    const text = region.appendChild(document.createElement('p')).appendChild(document.createTextNode(''));
    const moment = () => new Promise(resolve => requestAnimationFrame(resolve));
    for (const word of ['one', 'two', 'three']) {
        text.appendData(`${word} `);
        await moment();
    }
    region.removeAttribute('aria-busy');
    await moment();
    region.remove();
}"""


@pytest.mark.parametrize(
    ("attributes", "busy", "heard"),
    [
        ({"role": "log"}, False, ["one", "one two", "one two three"]),
        ({"role": "log"}, True, ["one two three"]),
        ({"role": "log", "aria-live": "off"}, False, []),
        ({"aria-live": "polite", "hidden": ""}, False, []),
        ({}, False, []),
    ],
)
def test_the_listener_of_these_tests_hears_words_where_they_are_said(
    visit: Visit, attributes: dict[str, str], busy: bool, heard: list[str]
) -> None:
    student = visit()
    student.go("/user/profile.php")
    listener = Listener(student.page)
    student.page.evaluate(_THREE_WORDS, [attributes, busy])
    assert listener.heard == heard


@pytest.mark.parametrize("delivery", ["handover", "relay", "poll"])
def test_words_come_in_silence_and_the_end_is_said_once(stage: Stage, visit: Visit, delivery: str) -> None:
    stage.set(delivery=delivery)
    student = visit()
    student.go_to_course()
    student.drawer.open()
    student.drawer.watch()
    listener = Listener(student.page)
    student.drawer.ask(f"Say it slowly. {stage.script(f'heard_{delivery}', tokens(40, pause=0.1))}")
    expect(student.drawer.text).to_contain_text("word5 ")
    begun = listener.heard
    assert _live_regions(student)["log"] == {"live": "polite", "busy": True}
    expect(student.drawer.text).to_contain_text("word20 ")
    grown = len(student.drawer.growth())
    assert listener.heard == begun
    student.drawer.wait_for_end("word40")
    expect(student.drawer.root.locator('[data-region="status"]')).to_have_text("The answer is complete.")
    said = listener.heard
    print(delivery, grown, said)
    assert grown >= 2
    assert not [words for words in begun if "word" in words]
    assert said.count("The answer is complete.") == 1
    # The log says it, too, whole and once.
    (answer,) = [words for words in said[len(begun) :] if "word1 " in words]
    assert "word40" in answer
    assert _live_regions(student)["log"]["busy"] is False


def test_the_end_by_a_stop_is_said_once(stage: Stage, visit: Visit) -> None:
    student = visit()
    student.go_to_course()
    student.drawer.open()
    listener = Listener(student.page)
    student.drawer.ask(f"Never end. {stage.script('heard_stop', tokens(1000, pause=0.1))}")
    expect(student.drawer.text).to_contain_text("word5 ")
    begun = listener.heard
    student.drawer.action("stop").click()
    student.drawer.wait_for_end("word5 ")
    expect(student.drawer.root.locator('[data-region="status"]')).to_have_text("The answer has ended.")
    said = listener.heard
    print(said)
    assert not [words for words in begun if "word" in words]
    assert said.count("The answer has ended.") == 1
    assert len([words for words in said if "word1 " in words]) == 1


def _live_regions(student: Visitor) -> dict[str, dict[str, object]]:
    """Return by their roles what the browser itself tells screen readers of the live regions of the drawer."""
    session = student.context.new_cdp_session(student.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    found = {}
    for node in nodes:
        properties = {each["name"]: each["value"].get("value") for each in node.get("properties", [])}
        role = node.get("role", {}).get("value")
        if role in ("log", "status") and "live" in properties:
            found[str(role)] = {"live": properties["live"], "busy": properties.get("busy", False)}
    return found
