"""The separated installation in Moodle's container: no PHP code can read the key, and Moodle works all the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.container.images.conftest import KEY, PROVIDER_SETTINGS, SIDECAR_USER, Moodle, Run
from tests.container.images.engine import WEB_USER, Container, make_secret
from tests.e2e.program import wait_until

OURS = "openai-moodle-s"  # as the kernel cuts it


def separated(run: Run, **options: Any) -> Container:
    return run("separated", "moodle-separated", "moodle", settings=PROVIDER_SETTINGS, **options)


@pytest.fixture
def moodle(run: Run) -> Moodle:
    container = separated(run)
    container.wait_for_health()
    moodle = Moodle(container)
    moodle.start_provider()
    return moodle


def assert_nothing_was_stolen(said: str) -> None:
    thief = json.loads(said)
    assert thief["user"] == "www-data"
    assert thief["looked at"] > 500
    assert thief["processes"].count(OURS) == 2, "it saw them"
    assert thief["found"] == []
    assert OURS not in thief["opened"]
    assert OURS not in thief["signalled"]


def test_the_provider_gets_the_key_and_php_the_answer(moodle: Moodle) -> None:
    stream = moodle.container.start("curl", "--silent", "--no-buffer", "http://localhost/stream.php")
    assert stream.stdout is not None
    assert [stream.stdout.readline() for _ in range(3)] == ["word0 \n", "word1 \n", "word2 \n"]


def test_php_in_apache_cannot_find_the_key(moodle: Moodle) -> None:
    assert_nothing_was_stolen(moodle.get(f"steal.php?yek={KEY[::-1]}"))


def test_php_on_the_command_line_cannot_find_the_key(moodle: Moodle) -> None:
    """As Moodle's cron runs: by `docker exec`, which brings the environment of the container along."""
    script = f"$_GET['yek'] = '{KEY[::-1]}'; require '/var/www/html/steal.php';"
    assert_nothing_was_stolen(moodle.container.run("php", "-r", script, user=WEB_USER).stdout)


def test_php_fpm_cannot_find_the_key(run: Run) -> None:
    container = separated(run, command=["php-fpm", "--nodaemonize", "--force-stderr"])
    container.wait_for_health()
    request = {
        "SCRIPT_FILENAME": "/var/www/html/steal.php",
        "QUERY_STRING": f"yek={KEY[::-1]}",
        "REQUEST_METHOD": "GET",
    }
    page = container.run("cgi-fcgi", "-bind", "-connect", "127.0.0.1:9000", environment=request)
    assert_nothing_was_stolen(page.stdout.partition("\n\n")[2])


def test_another_key_is_taken_without_a_restart(run: Run, tmp_path: Path) -> None:
    key = make_secret(tmp_path, "key", "sk-canary-of-last-year", SIDECAR_USER)
    container = separated(run, key=key)
    container.wait_for_health()
    moodle = Moodle(container)
    moodle.start_provider()
    before = moodle.sidecar()
    assert "upstream_auth" in moodle.get("stream.php")
    key.write_text(KEY)
    container.run("pkill", "-HUP", "-u", "openai-moodle-sidecar")
    wait_until(lambda: "word0" in moodle.get("stream.php", "--max-time", "1"))
    assert moodle.sidecar() == before


def test_there_is_no_fallback(moodle: Moodle) -> None:
    answer = moodle.ask(via="stdio")
    assert "ended with status 78" in json.dumps(answer)


def test_a_key_in_the_environment_is_refused_and_moodle_runs(run: Run) -> None:
    container = separated(run, environment={"OPENAI_API_KEY": KEY, "OPENAI_API_KEY_FILE": ""})
    wait_until(lambda: "the sidecar was not started: OPENAI_API_KEY is in the environment" in container.said)
    moodle = Moodle(container)
    wait_until(lambda: "reasons" in moodle.container.run("curl", "-s", "http://localhost/ask.php", check=False).stdout)
    assert container.health() == 1
    assert moodle.sidecar() is None
    # Apache has it neither.
    assert KEY not in container.run("sh", "-c", "cat /proc/$(pgrep -o apache2)/environ").stdout


def test_a_key_that_all_can_read_is_refused_until_that_is_mended(run: Run, tmp_path: Path) -> None:
    key = make_secret(tmp_path, "open_key", KEY, SIDECAR_USER, 0o444)
    container = separated(run, key=key)
    wait_until(lambda: "others than the sidecar can read /run/secrets/openai_api_key (mode 0444" in container.said)
    assert f"chown {SIDECAR_USER} and chmod 0400 it" in container.said
    assert container.health() == 1
    key.chmod(0o400)
    container.wait_for_health()
    said = container.run("cat", "/var/log/sidecar.log").stdout
    assert "the sidecar was not started" in said
    assert KEY not in said + container.said
