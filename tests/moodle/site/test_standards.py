"""What Moodle's own tools say of the plugin, where they are given: scripts/moodle-test --help."""

import os
import re
from pathlib import Path

import pytest

from tests.moodle.site.conftest import GIVEN
from tests.moodle.site.phpunit import run_phpcs, run_phpunit
from tests.moodle.site.stage import Stage

PHPUNITS = {"mariadb": os.environ.get("MOODLE_PHPUNIT"), "pgsql": os.environ.get("MOODLE_PHPUNIT_51")}
PHPCS = os.environ.get("MOODLE_PHPCS")


if any(PHPUNITS.values()):

    @pytest.mark.parametrize("_stage", [given for given in GIVEN if PHPUNITS[given.database]], indirect=True, ids=str)
    def test_the_plugins_own_tests_pass(stage: Stage) -> None:
        said = run_phpunit(stage.site.cli, autoload=Path(PHPUNITS[stage.site.database.kind] or ""))
        print(said)
        # PHPUnit 11 finds issues with notes in comments, which PHPUnit 9 of Moodle 4.5 needs.
        assert re.search(r"^OK( \(|, but there were issues!$)", said, re.MULTILINE)
        assert re.search(r"^Tests: |\([0-9]+ tests", said, re.MULTILINE)


if PHPCS:

    @pytest.mark.parametrize("_stage", GIVEN[:1], indirect=True, ids=str)
    def test_the_plugin_reads_as_moodles_standard_has_it(stage: Stage) -> None:
        print(run_phpcs(str(PHPCS), stage.site.tree.plugin))
