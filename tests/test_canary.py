"""The search for keys in all output finds one that was planted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
KEY = "sk-" + "canary0123456789"  # in two: a failing test shows its source


@pytest.mark.parametrize(
    "leak",
    [
        f"print({KEY!r})",
        f"import sys; print({KEY!r}, file=sys.stderr)",
        f"import logging; logging.getLogger('any').warning('with %s', {KEY!r})",
        f"import subprocess; subprocess.run(['echo', {KEY!r}])",
    ],
    ids=["stdout", "stderr", "log", "program"],
)
def test_a_planted_key_fails_the_run(tmp_path: Path, leak: str) -> None:
    status, output = _run(tmp_path, leak)
    assert status == pytest.ExitCode.TESTS_FAILED
    assert "1 passed" in output
    assert "A KEY WAS SEEN in the output of" in output
    assert KEY not in output


def test_a_run_without_one_passes(tmp_path: Path) -> None:
    status, output = _run(tmp_path, "print('sk-something-else')")
    assert status == pytest.ExitCode.OK, output
    assert "A KEY WAS SEEN" not in output


def _run(folder: Path, code: str) -> tuple[int, str]:
    (folder / "test_it.py").write_text(f"def test_it():\n    {code}\n")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.canary", "-p", "no:cacheprovider", "--capture=fd", "."],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.returncode, ran.stdout + ran.stderr
