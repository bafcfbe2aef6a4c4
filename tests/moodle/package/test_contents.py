"""What can be seen in the plugin without a Moodle: its files fit together, and nothing that they name is missing."""

import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from protocol.errors import Code
from tests.moodle.package.conftest import PLUGIN

COMPONENT = "local_aisidecar"
# What Moodle itself asks a plugin for by name, or finds by its beginning.
_FOUND_BY_MOODLE = re.compile(r"pluginname|aisidecar:|cachedef_|privacy:|error_|.*_help$|messageprovider:")

_STRING = re.compile(r"""^\$string\['([^']+)'\] = """, re.MULTILINE)
_ASKED_FOR = (
    re.compile(r"""get_string\(\s*'([^']+)',\s*'local_aisidecar'"""),
    re.compile(r"""new lang_string\(\s*'([^']+)',\s*'local_aisidecar'"""),
    re.compile(r"""\{\{#str\}\}\s*([\w:]+),\s*local_aisidecar"""),
    re.compile(r"""getString\(\s*'([^']+)',\s*'local_aisidecar'"""),
    re.compile(r"""\{key: '([^']+)', component: '?(?:local_aisidecar|COMPONENT)"""),
)


def test_every_file_of_php_is_php(installed: Path) -> None:
    files = sorted(installed.rglob("*.php"))
    # One process for all of them: each takes 20 ms to start.
    script = "foreach (array_slice($argv, 1) as $file) { token_get_all(file_get_contents($file), TOKEN_PARSE); }"
    done = subprocess.run(["php", "-r", script, "--", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(files) > 50


def test_every_string_that_is_asked_for_is_there() -> None:
    there = set(_strings())
    missing = {
        f"{path.relative_to(PLUGIN)}: {name}"
        for path in _sources()
        for pattern in _ASKED_FOR
        for name in pattern.findall(path.read_text())
        if name not in there
    }
    assert not missing


def test_strings_are_in_order_and_none_is_there_twice() -> None:
    names = _strings()
    assert names == sorted(set(names))


def test_no_string_is_left_over() -> None:
    sources = "\n".join(path.read_text() for path in _sources())
    named = set(re.findall(r"[\w:]+", sources))
    # Names that are put together: 'delivery_' . $delivery.
    beginnings = tuple(re.findall(r"""['"`]([a-z]+_(?:[a-z]+_)*)['"`$]""", sources))
    unused = [
        name
        for name in _strings()
        if name not in named and not name.startswith(beginnings) and not _FOUND_BY_MOODLE.match(name)
    ]
    assert not unused


@pytest.mark.parametrize("code", list(Code))
def test_a_student_is_told_something_for_every_code_of_the_protocol(code: Code) -> None:
    assert f"error_{code}" in _strings()


def test_tables_are_described_in_well_formed_xml() -> None:
    tables = ElementTree.parse(PLUGIN / "db" / "install.xml").getroot().findall("TABLES/TABLE")
    assert tables
    for table in tables:
        assert table.attrib["NAME"].startswith(COMPONENT)
        # Moodle's limit; two more characters are the prefix's.
        assert len(table.attrib["NAME"]) <= 53
        assert table.find("KEYS/KEY[@TYPE='primary']") is not None


def test_every_web_service_has_its_class() -> None:
    services = (PLUGIN / "db" / "services.php").read_text()
    classes = re.findall(r"external\\(\w+)::class|external\\\\?(\w+)'", services)
    names = {name for pair in classes for name in pair if name}
    assert names
    assert names == {path.stem for path in (PLUGIN / "classes" / "external").glob("*.php")}


def test_every_template_that_is_named_is_there() -> None:
    named = {
        name
        for path in _sources()
        for name in re.findall(r"""(?:\{\{> *|render_from_template\(\s*['"])local_aisidecar/(\w+)""", path.read_text())
    }
    there = {path.stem for path in (PLUGIN / "templates").glob("*.mustache")}
    assert named <= there
    assert not [path for path in there if "@template local_aisidecar/" + path not in _template(path)]


def test_every_module_that_php_calls_is_there() -> None:
    called = {
        name
        for path in PLUGIN.rglob("*.php")
        for name in re.findall(r"js_call_amd\(\s*'local_aisidecar/(\w+)'", path.read_text())
    }
    assert called
    assert called <= {path.stem for path in (PLUGIN / "amd" / "src").glob("*.js")}


def test_the_version_is_later_than_that_of_every_step_of_an_upgrade() -> None:
    version = re.search(r"\$plugin->version = (\d{10});", (PLUGIN / "version.php").read_text())
    assert version is not None
    steps = re.findall(r"upgrade_plugin_savepoint\(true, (\d{10}),", (PLUGIN / "db" / "upgrade.php").read_text())
    assert all(step <= version[1] for step in steps)


def _strings() -> list[str]:
    return _STRING.findall((PLUGIN / "lang" / "en" / f"{COMPONENT}.php").read_text())


def _sources() -> list[Path]:
    return [
        path
        for path in sorted(PLUGIN.rglob("*"))
        if path.suffix in (".php", ".mustache", ".js") and not {"lang", "build"} & set(path.relative_to(PLUGIN).parts)
    ]


def _template(name: str) -> str:
    return (PLUGIN / "templates" / f"{name}.mustache").read_text()
