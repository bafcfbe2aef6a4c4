"""How long ordinary pages take while 30 students chat on 12 workers of PHP: python -m tests.moodle.site.load --help"""

import argparse
import json
import multiprocessing
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

from tests.e2e.program import CHECKOUT, MAIN, Program, environment
from tests.moodle.site import moodle
from tests.moodle.site.crowd import Student
from tests.moodle.site.databases import DATABASES
from tests.moodle.site.moodle import Site, Wanted
from tests.moodle.site.stage import tokens
from tests.providers import scripted

WORKERS = 12
STUDENTS = 30
PAGES_EACH = 15
MOST_SECONDS = 60
TOKENS = 300
TOKENS_PER_SECOND = 20

# A name, and the plugin's settings; None: nobody chats.
CONDITIONS: dict[str, dict[str, str] | None] = {
    "nobody chats": None,
    "hand-over to nginx": {"delivery": "handover"},
    "PHP relay, at most 3 workers": {"delivery": "relay", "relayslots": "3"},
    "PHP relay without that limit": {"delivery": "relay", "relayslots": "30"},
    "in pieces": {"delivery": "poll"},
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.moodle.site.load", description=__doc__)
    parser.add_argument("--moodle", type=Path, required=True)
    parser.add_argument("--sites", type=Path, default=Path("/var/tmp/moodle-site"))
    parser.add_argument("--database", choices=DATABASES, default="mariadb")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", action="append", choices=list(CONDITIONS), help="a condition, instead of all")
    wanted = parser.parse_args()
    parts = Wanted(
        moodle=wanted.moodle,
        folder=wanted.sites / "load",
        snapshots=wanted.sites / "snapshots",
        database=wanted.database,
        workers=WORKERS,
        debugging=False,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        site = stack.enter_context(moodle.running(parts))
        env = environment(
            **moodle.settings_of_sidecar(site),
            SIDECAR_PROVIDER="openai",
            OPENAI_BASE_URL=stack.enter_context(_provider()),
            OPENAI_MODEL="m",
        )
        with closing(Program([*MAIN, "serve"], cwd=site.folder, env=env)) as sidecar:
            sidecar.wait_said("listening on ")
            site.cli.install_plugin()
            site.cli.set("socket", str(site.folder / "sidecar.sock"))
            _measure(site, wanted.only or list(CONDITIONS), wanted.rounds)


@contextmanager
def _provider() -> Iterator[str]:
    """Give the address of one in a process of its own, whose answers take fifteen seconds."""
    ours, its = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_provide, args=(its,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def _provide(pipe: Connection) -> None:
    with scripted.running(tokens(TOKENS, pause=1 / TOKENS_PER_SECOND)) as provider:
        pipe.send(provider.url)
        pipe.recv()


def _measure(site: Site, names: list[str], rounds: int) -> None:
    reader = Student(site.url, f"student{STUDENTS + 1}")
    paths = [
        f"/course/view.php?id={site.places['courses']['physics']}",
        f"/mod/page/view.php?id={site.places['modules']['pendulum']}",
        "/my/courses.php",
    ]
    taken: dict[str, list[float]] = {name: [] for name in names}
    came: dict[str, Counter[str]] = {name: Counter() for name in names}
    for path in paths * 3:
        reader.open(path)
    # In turns: what else the machine does meets all of them alike.
    for turn in range(rounds):
        for name in names:
            with _crowd(site, CONDITIONS[name], paths[0]) as answers:
                times = _open_pages(reader, paths)
            taken[name] += times
            came[name] += answers
            print(f"{turn} {name}: {_row(times)} {dict(answers)}", flush=True)
    print("| | pages | median | 95 % | longest | answers came |\n| --- | --- | --- | --- | --- | --- |")
    for name in names:
        print(f"| {name} | {_row(taken[name])} | {dict(came[name])} |")


def _open_pages(reader: Student, paths: list[str]) -> list[float]:
    """Return how many seconds each page took; fewer pages, where that takes more than a minute in all."""
    times: list[float] = []
    for path in paths * PAGES_EACH:
        times.append(reader.open(path))
        if sum(times) > MOST_SECONDS:
            break
    return times


@contextmanager
def _crowd(site: Site, settings: dict[str, str] | None, path: str) -> Iterator[Counter[str]]:
    """Let the students chat; in the end the counter has how many answers came, and how."""
    answers: Counter[str] = Counter()
    if settings is None:
        yield answers
        return
    for name, setting in settings.items():
        site.cli.set(name, setting)
    command = [sys.executable, "-m", "tests.moodle.site.crowd", site.url, "1", str(STUDENTS), path]
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as crowd:
        assert crowd.stdout is not None
        try:
            for line in crowd.stdout:
                if "begun" in line:
                    break
            yield answers
        finally:
            crowd.terminate()
            for line in crowd.stdout:
                answers.update([json.loads(line)["came"]])


def _row(times: list[float]) -> str:
    ordered = sorted(times)
    values = (median(ordered), ordered[int(len(ordered) * 0.95)], ordered[-1])
    return " | ".join([str(len(times)), *(f"{value * 1000:.0f} ms" for value in values)])


if __name__ == "__main__":
    main()
