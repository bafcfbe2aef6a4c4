"""Sites, and browsers before them: once for each Moodle that is given."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.moodle.site import stage as stages
from tests.moodle.site.databases import DATABASES, DatabaseKind
from tests.moodle.site.moodle import Wanted
from tests.moodle.site.stage import Stage

# Without a Moodle and a browser's driver there is nothing to test here: scripts/moodle-test brings both.
collect_ignore_glob = [] if find_spec("playwright") else ["*.py"]

SITES = Path(os.environ.get("MOODLE_SITES", "/var/tmp/moodle-site"))


class Given(NamedTuple):
    """A Moodle, and on which database it is to run."""

    moodle: Path
    database: DatabaseKind

    def __str__(self) -> str:
        return f"{self.moodle.name}-{self.database}"


GIVEN = [
    Given(Path(os.environ[name]), database)
    for name, database in (("MOODLE_DIR", DATABASES[0]), ("MOODLE_DIR_51", DATABASES[1]))
    if os.environ.get(name)
]


@pytest.fixture(scope="session", params=GIVEN, ids=str)
def _stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with stages.built(_wanted(request.param)) as stage:
        yield stage


@pytest.fixture(scope="session", params=GIVEN[:1], ids=str)
def _stage_behind_apache(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with stages.built(replace(_wanted(request.param), folder=SITES / "test-apache", web_server="apache")) as stage:
        yield stage


def _wanted(given: Given) -> Wanted:
    return Wanted(
        moodle=given.moodle,
        folder=SITES / f"test-{given.database}",
        snapshots=SITES / "snapshots",
        database=given.database,
    )


@pytest.fixture
def stage(_stage: Stage) -> Iterator[Stage]:
    """The site, as every test finds it; what PHP complains of in the plugin is an error."""
    with _as_found(_stage, delivery="handover"):
        yield _stage


@pytest.fixture
def stage_behind_apache(_stage_behind_apache: Stage) -> Iterator[Stage]:
    with _as_found(_stage_behind_apache, delivery="proxy"):
        yield _stage_behind_apache


@pytest.fixture(params=GIVEN, ids=str)
def stage_without_plugin(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A site whose administrator has heard of the plugin."""
    wanted = replace(_wanted(request.param), folder=SITES / f"bare-{request.param.database}")
    with stages.built(wanted, with_plugin=False) as stage, _uncomplained(stage):
        yield stage


@contextmanager
def _as_found(stage: Stage, *, delivery: str) -> Iterator[None]:
    stage.start_sidecar()
    stage.set(delivery=delivery, relayslots="3")
    with _uncomplained(stage):
        yield


@contextmanager
def _uncomplained(stage: Stage) -> Iterator[None]:
    """PHP has nothing to say of the plugin but what a test tolerates."""
    stage.tolerated = "nothing"
    log = stage.site.log
    before = log.stat().st_size if log.exists() else 0
    yield
    if log.exists():
        with log.open("rb") as said:
            said.seek(before)
            lines = said.read().decode(errors="replace").splitlines()
        complaints = [line for line in lines if "aisidecar" in line and stage.tolerated not in line]
        assert not complaints, "\n".join(complaints)


if find_spec("playwright"):
    from playwright.sync_api import Browser, sync_playwright

    from tests.moodle.site.drawer import ARGUMENTS, CHROMIUM, Visitor

    Visit = Callable[..., Visitor]

    @pytest.fixture(scope="session")
    def browser() -> Iterator[Browser]:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            yield browser
            browser.close()

    @pytest.fixture
    def visit(browser: Browser, stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
        """Lets a user come with a browser of their own. Nothing may break in one."""
        with _visits(browser, stage, tmp_path_factory) as visit:
            yield visit

    @pytest.fixture
    def visit_behind_apache(
        browser: Browser, stage_behind_apache: Stage, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Visit]:
        with _visits(browser, stage_behind_apache, tmp_path_factory) as visit:
            yield visit

    @pytest.fixture
    def visit_without_plugin(
        browser: Browser, stage_without_plugin: Stage, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Visit]:
        with _visits(browser, stage_without_plugin, tmp_path_factory) as visit:
            yield visit

    @contextmanager
    def _visits(browser: Browser, stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
        states = tmp_path_factory.getbasetemp() / "states"
        states.mkdir(exist_ok=True)
        visitors: list[Visitor] = []

        def visit(username: str = "student", *, phone: bool = False) -> Visitor:
            visitors.append(Visitor(browser, stage.site, username, states=states, phone=phone))
            return visitors[-1]

        yield visit
        for visitor in visitors:
            with closing(visitor):
                assert not visitor.errors
