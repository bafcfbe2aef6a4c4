"""Sites, and browsers before them: once for each Moodle that is given."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.moodle.site import stage as stages
from tests.moodle.site.command_line import CHECKOUT
from tests.moodle.site.moodle import Wanted
from tests.moodle.site.stage import Stage

# Without a Moodle and a browser's driver there is nothing to test here: scripts/moodle-test brings both.
collect_ignore_glob = [] if find_spec("playwright") else ["*.py"]

SITES = Path(os.environ.get("MOODLE_SITES", "/var/tmp/moodle-site"))
_GIVEN = [
    pytest.param((os.environ[name], database), id=f"{name.lower()}-{database}")
    for name, database in (("MOODLE_DIR", "mariadb"), ("MOODLE_DIR_51", "pgsql"))
    if os.environ.get(name)
]


@pytest.fixture(scope="session", params=_GIVEN)
def _stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    moodle, database = request.param
    wanted = Wanted(
        moodle=Path(moodle), folder=SITES / f"test-{database}", snapshots=SITES / "snapshots", database=database
    )
    with stages.built(wanted, Path(os.environ.get("MOODLE_PLUGIN_FROM", CHECKOUT))) as stage:
        yield stage


@pytest.fixture
def stage(_stage: Stage) -> Iterator[Stage]:
    """The site, as every test finds it; what PHP complains of in the plugin is an error."""
    _stage.start_sidecar()
    _stage.set(delivery="handover")
    log = _stage.site.log
    before = log.stat().st_size if log.exists() else 0
    yield _stage
    if log.exists():
        with log.open("rb") as said:
            said.seek(before)
            complaints = [line for line in said.read().decode(errors="replace").splitlines() if "aisidecar" in line]
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
