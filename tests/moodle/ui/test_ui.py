"""The browser's side of the Moodle plugin: its modules in Node.js, and that what is committed fits together."""

import json
import re
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PLUGIN = ROOT / "moodle" / "local_aisidecar"
SOURCES = sorted((PLUGIN / "amd" / "src").glob("*.js"))
TEMPLATES = sorted((PLUGIN / "templates").glob("*.mustache"))
STRINGS = set(re.findall(r"^\$string\['([^']+)'\]", (PLUGIN / "lang/en/local_aisidecar.php").read_text(), re.MULTILINE))


def test_the_modules_do_what_their_tests_say() -> None:
    """What they are, is said in the files beside this one."""
    tests = sorted(map(str, HERE.glob("*.test.mjs")))
    command = ["node", "--import", str(HERE / "moodle.mjs"), "--test-reporter=tap", "--test", *tests]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    passed = re.search(r"^# pass (\d+)$", run.stdout, re.MULTILINE)
    assert passed
    assert int(passed[1]) >= 72


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_build_is_that_of_the_source(source: Path) -> None:
    """A plugin is installed without a build: what browsers load is what was committed."""
    build = PLUGIN / "amd" / "build" / f"{source.stem}.min.js"
    mapped = json.loads(build.with_suffix(".js.map").read_text())
    assert mapped["sourcesContent"] == [source.read_text()]
    assert f'define("local_aisidecar/{source.stem}"' in build.read_text()


def test_a_module_has_a_default_export_or_named_ones() -> None:
    """Of one with both, Moodle's build gives the default only."""
    both = [
        source.stem
        for source in SOURCES
        if re.search(r"^export default", text := source.read_text(), re.MULTILINE)
        and re.search(r"^export (?!default)", text, re.MULTILINE)
    ]
    assert both == []


def test_there_are_no_builds_without_a_source() -> None:
    builds = {path.name.removesuffix(".min.js") for path in (PLUGIN / "amd" / "build").glob("*.min.js")}
    assert builds == {source.stem for source in SOURCES}


def test_every_string_that_is_asked_for_is_there() -> None:
    asked = set()
    for template in TEMPLATES:
        asked |= set(re.findall(r"\{\{#str\}\}\s*(\w+)\s*,\s*local_aisidecar", template.read_text()))
    for source in SOURCES:
        asked |= set(re.findall(r"getString\('(\w+)', (?:COMPONENT|'local_aisidecar')", source.read_text()))
        asked |= set(re.findall(r"'((?:stage|progress)_\w+)'", source.read_text()))
    assert len(asked) > 40
    assert asked <= STRINGS


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_says_what_it_is_and_gives_an_example(template: Path) -> None:
    text = template.read_text()
    assert f"@template local_aisidecar/{template.stem}" in text
    example = re.search(r"Example context \(json\):\n(.*?)\n\}\}", text, re.DOTALL)
    assert example
    json.loads(example[1])


def test_no_string_takes_what_somebody_has_written_as_a_parameter() -> None:
    """The helper of Mustache for strings does not escape it: a quotation mark, and it is out of its attribute."""
    calls = [
        call
        for template in TEMPLATES
        for call in re.findall(r"\{\{#str\}\}([^{]*\{\{(?!/str).*?)\{\{/str\}\}", template.read_text())
    ]
    # The name of a file of ours.
    assert calls == ["delivery_fixfile, local_aisidecar, {{fixfile}}"]


def test_what_goes_to_functions_that_take_markup_is_escaped() -> None:
    """Notification shows HTML. The title of a conversation is the text of whatever page was summarized."""
    users = {source.stem for source in SOURCES if "Notification." in source.read_text()}
    assert users == {"drawer", "history"}
    assert "escapeHtml(entry.querySelector" in (PLUGIN / "amd" / "src" / "history.js").read_text()
    assert "Notification.exception" in (PLUGIN / "amd" / "src" / "drawer.js").read_text()


def test_what_the_model_writes_is_never_markup() -> None:
    """Only what the server has rendered and cleaned is put in as HTML, by Moodle's own function for it."""
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|EventSource\(")
    assert [source.stem for source in SOURCES if forbidden.search(source.read_text())] == []
    puts = [source.stem for source in SOURCES if re.search(r"(replace|append|prepend)NodeContents", source.read_text())]
    assert puts == ["bubble", "history", "policy"]
