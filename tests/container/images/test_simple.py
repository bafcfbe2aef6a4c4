"""Moodle's container as the old guide has it: the sidecar beside Apache, and a fallback by stdio."""

import json
import signal

import pytest

from tests.container.images.conftest import KEY, PROVIDER_SETTINGS, Moodle, Run
from tests.container.images.engine import WEB_USER
from tests.e2e.program import wait_until

DEMO = "[Demo without a language model]"


def test_the_main_job(simple: Moodle) -> None:
    for action in ("chat", "summarize", "analyze"):
        assert simple.ask(via="unix", action=action)["text"].startswith(DEMO)
    stream = simple.get("stream.php").splitlines()
    assert len(stream) > 20
    assert stream[-1] == "end: done"


def test_a_browser_reads_through_apache(simple: Moodle) -> None:
    stream = simple.get(f"ai-stream/{simple.get('ticket.php')}")
    assert stream.count("event: delta") > 20
    assert stream.rstrip().split("\n\n")[-1].startswith("event: done")


def test_the_management_commands_of_the_old_guide(simple: Moodle) -> None:
    simple.ask(via="unix")
    container = simple.container
    processes = container.run("sh", "-c", "ps aux | grep openai-moodle-sidecar").stdout.splitlines()
    (sidecar,) = [line for line in processes if "serve" in line]
    assert sidecar.split()[0] in ("openai-+", "10081")
    assert "request done action=chat" in container.run("tail", "-n", "20", "/var/log/sidecar.log").stdout
    assert container.run("openai-moodle-sidecar", "doctor", check=False).returncode == 0
    token = container.run("cat", "/run/openai-moodle-sidecar/token", user=WEB_USER).stdout.strip()
    bearer = ("--header", f"Authorization: Bearer {token}")
    health = container.run("curl", "--silent", *bearer, "http://127.0.0.1:8081/health", user=WEB_USER).stdout
    assert '"ready":true' in health


def test_the_commands_of_the_checklist(simple: Moodle) -> None:
    container = simple.container
    assert container.run("openai-moodle-sidecar", "--version").stdout.startswith("openai-moodle-sidecar 0.")
    assert container.run("openai-moodle-sidecar", "health", "--ready").stdout.endswith("provider demo, ready\n")
    chat = container.run("sh", "-c", 'echo "What is a prime?" | openai-moodle-sidecar chat')
    assert chat.stdout.startswith(DEMO)
    assert "through the sidecar at /run/openai-moodle-sidecar/sidecar.sock" in chat.stderr
    for command in ("summarize", "analyze"):
        assert container.run("openai-moodle-sidecar", command, "/etc/motd").stdout.startswith(DEMO)


def test_it_is_restarted_alone(simple: Moodle) -> None:
    before = simple.sidecar()
    simple.container.run("pkill", "-u", "openai-moodle-sidecar")
    wait_until(lambda: simple.sidecar() not in (before, None) and simple.container.health() == 0)
    assert "the sidecar has ended with status 0; next start now" in simple.container.said
    assert simple.ask(via="unix")["text"].startswith(DEMO)


def test_php_falls_back_to_a_sidecar_of_its_own(simple: Moodle) -> None:
    for _ in range(4):  # each time the pause until the next start is longer
        wait_until(lambda: simple.container.health() == 0)
        simple.kill()
    assert simple.container.health() == 1
    assert simple.ask(via="unix,stdio")["text"].startswith(DEMO)
    assert simple.container.health() == 1, "it was the fallback that answered"
    assert "error" in simple.ask(via="unix")
    wait_until(lambda: simple.container.health() == 0)
    assert simple.ask(via="unix")["text"].startswith(DEMO)


def test_so_does_a_plugin_that_was_made_for_the_older_sidecar(simple: Moodle) -> None:
    answer = json.loads(simple.get("old.php"))
    assert answer["success"], answer
    assert answer["data"].startswith(DEMO)


def test_a_sidecar_that_was_killed_is_there_again(simple: Moodle) -> None:
    before = simple.kill()
    wait_until(lambda: simple.container.health() == 0)
    assert simple.sidecar() not in (before, None)
    assert simple.ask(via="unix")["text"].startswith(DEMO)
    said = "the sidecar has ended by signal 9; next start now"
    assert said in simple.container.said
    assert said in simple.container.run("cat", "/var/log/sidecar.log").stdout


def test_health_knows_a_sidecar_that_hangs(simple: Moodle) -> None:
    pid = str(simple.sidecar())
    simple.container.run("kill", "-STOP", pid)
    assert simple.container.health() == 1
    simple.container.run("kill", "-CONT", pid)
    assert simple.container.health() == 0


@pytest.mark.parametrize(
    ("stop_signal", "how"), [(signal.SIGWINCH, "draining"), (signal.SIGTERM, None)], ids=["SIGWINCH", "SIGTERM"]
)
def test_it_stops_in_time_and_tells_its_streams(run: Run, stop_signal: int, how: str | None) -> None:
    """Apache lets running pages end on SIGWINCH, the signal of its images; on SIGTERM it cuts them off itself."""
    settings = PROVIDER_SETTINGS | {"OPENAI_API_KEY": KEY}
    moodle = Moodle(run("simple", "moodle", "moodle", settings=settings, stop_signal=stop_signal))
    moodle.container.wait_for_health()
    moodle.start_provider()
    stream = moodle.container.start("curl", "--silent", "--no-buffer", "http://localhost/stream.php")
    assert stream.stdout is not None
    assert stream.stdout.readline() == "word0 \n"
    seconds, status = moodle.container.stop()
    said = stream.stdout.read()
    assert (seconds < 10, status) == (True, 0), seconds
    if how:
        assert said.splitlines()[-1] == f"end: {how}"
        assert seconds > 7, "running answers have eight seconds"


def test_beside_php_fpm(run: Run) -> None:
    command = ["php-fpm", "--nodaemonize", "--force-stderr"]
    container = run(
        "simple",
        "moodle",
        "moodle",
        settings={"SIDECAR_PROVIDER": "demo"},
        command=command,
        stop_signal=signal.SIGQUIT,
    )
    container.wait_for_health()
    for via in ("unix", "stdio"):
        request = {
            "SCRIPT_FILENAME": "/var/www/html/ask.php",
            "QUERY_STRING": f"via={via}",
            "REQUEST_METHOD": "GET",
        }
        page = container.run("cgi-fcgi", "-bind", "-connect", "127.0.0.1:9000", environment=request)
        assert DEMO in page.stdout
    seconds, status = container.stop()
    assert (seconds < 3, status) == (True, 0), container.said


def test_the_end_of_the_program_is_that_of_the_container(run: Run) -> None:
    container = run("simple", "moodle", "moodle", command=["sh", "-c", "sleep 1; exit 7"])
    assert container._process.wait(15) == 7


def test_orphans_are_buried(simple: Moodle) -> None:
    simple.container.run("sh", "-c", "(sh -c 'exit 3' &) ; exit")
    wait_until(lambda: "<defunct>" not in simple.container.run("ps", "ax").stdout)


def test_in_the_simple_installation_php_can_read_the_key(run: Run) -> None:
    """So that the test of the other one means something: the same page finds it here."""
    container = run("simple", "moodle", "moodle", settings=PROVIDER_SETTINGS | {"OPENAI_API_KEY": KEY})
    container.wait_for_health()
    stolen = Moodle(container).get(f"steal.php?yek={KEY[::-1]}")
    assert '"user":"www-data"' in stolen
    assert "php.env" in stolen.replace("\\/", "/")
    # Even here, the sidecar itself cannot be looked into, and pages that show the environment do not show the key.
    assert '"getenv"' not in stolen
    assert "openai-moodle-s" not in stolen.partition('"opened"')[2]
